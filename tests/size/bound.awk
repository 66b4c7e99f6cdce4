# From avr-objdump -dl: "FUNCTION BOUND AT ALL", in bytes of stack, return
# addresses included:
#   BOUND  the most that a call of it takes on any input, with all calls below
#          it, where functions of the application take nothing
#   AT     how much is taken when one of those begins, at most; 0: none does
#   ALL    the bound with the functions of the application, as upcalls has them
# -1 where it cannot be told: recursion, or a call by a pointer that upcalls
# does not know, which is named on stderr.
#
# What a function pushes counts as if it were never popped. Which functions a
# call by a pointer may reach is told by its line in the source.
#
#   awk -v upcalls=tests/size/upcalls -f tests/size/bound.awk LISTING

function target(comment)
{
    if (!match(comment, /<[^>+]+/)) return ""
    return substr(comment, RSTART + 1, RLENGTH - 1)
}

function number(arguments,    digits, i, value)
{
    sub(/^r[0-9]+, 0x/, "", arguments)
    value = 0
    for (i = 1; i <= length(arguments); i++) {
        digits = index("0123456789abcdef", tolower(substr(arguments, i, 1)))
        if (!digits) break
        value = value * 16 + digits - 1
    }
    return value
}

function max(left, right)
{
    return left > right ? left : right
}

function read_upcalls(    line, words)
{
    while ((getline line < upcalls) > 0) {
        if (line ~ /^#/) continue
        # two blanks end the expression, which may hold one
        split(line, words, "  +")
        if (words[1] == "AGAIN") {
            returns[words[2]] = 1
            continue
        }
        looks[++kinds] = words[1]
        reaches[kinds] = words[2]
    }
}

function source_line(place,    file, line, at)
{
    file = place
    sub(/:[0-9]+.*/, "", file)
    sub(/.*:/, "", place)
    if (!(file in is_read)) {
        is_read[file] = 1
        while ((getline line < file) > 0) source[file, ++at] = line
    }
    return source[file, place + 0]
}

function note_call(to, jump, by_pointer)
{
    if (to == "" || (jump && to == name)) return
    callee[name, ++calls[name]] = to
    jumps[name, calls[name]] = jump
    pointed[name, calls[name]] = by_pointer
}

# A call by a pointer: of all that its kind may reach, and of an application.
function note_upcall(jump,    line, kind, words, count, i)
{
    line = source_line(place)
    for (kind = 1; kind <= kinds; kind++)
        if (line ~ looks[kind]) break
    if (kind > kinds) {
        print "bound.awk: " name " calls by a pointer: " line > "/dev/stderr"
        unknown[name] = 1
        return
    }
    note_call("application", jump, 1)
    count = split(reaches[kind], words, " ")
    for (i = 1; i <= count; i++) note_call(words[i], jump, 1)
}

# all: with what the application gives.
function is_reached(name, i, all)
{
    if (!pointed[name, i] || callee[name, i] == "application") return 1
    if (callee[name, i] ~ /^coap2/) return callee[name, i] in frame
    return all && callee[name, i] in frame
}

# nested: below a function that, called again, returns at once.
function worst(name, all, nested, depth,    i, below, most)
{
    if ((name, all, nested) in known) return known[name, all, nested]
    if (depth > 60 || name in unknown) return -1
    most = frame[name]
    if (nested && name in returns) return most + 2
    for (i = 1; i <= calls[name]; i++) {
        if (!is_reached(name, i, all)) continue
        below = worst(callee[name, i], all, nested || name in returns,
                      depth + 1)
        if (below < 0) return -1
        # A jump to another function is made when the frame is gone.
        below += jumps[name, i] ? -2 : frame[name]
        if (below <= most) continue
        most = below
        deepest[name, all, nested] = callee[name, i]
    }
    return known[name, all, nested] = most + 2
}

function upcall_at(name, nested, depth,    i, below, most)
{
    if ((name, nested) in begins) return begins[name, nested]
    if (name == "application") return 2
    if (depth > 60 || name in unknown) return -1
    most = 0
    if (nested && name in returns) return 0
    for (i = 1; i <= calls[name]; i++) {
        if (!is_reached(name, i, 0)) continue
        below = upcall_at(callee[name, i], nested || name in returns, depth + 1)
        if (below < 0) return -1
        if (below > 0)
            most = max(most, below + (jumps[name, i] ? -2 : frame[name]))
    }
    return begins[name, nested] = most > 0 ? most + 2 : 0
}

BEGIN {
    FS = "\t"
    read_upcalls()
}

/^[0-9a-f]+ <.*>:$/ {
    name = target($0)
    names[++count] = name
    frame[name] += 0
    next
}

/^[^\t]*:[0-9]+( \(discriminator [0-9]+\))?$/ { place = $0 }

$3 == "push" { frame[name]++ }

# `rcall .+0` makes room for two bytes.
($3 == "rcall" || $3 == "call") && $4 !~ /^\.\+0 / {
    note_call(target($0), 0, 0)
}
$3 == "rcall" && $4 ~ /^\.\+0 / { frame[name] += 2 }

$3 == "rjmp" || $3 == "jmp" { note_call(target($0), 1, 0) }

$3 ~ /^e?icall *$/ { note_upcall(0) }

# libgcc jumps so to the cases of a switch, in the function that it came from.
$3 ~ /^e?ijmp *$/ && name != "__tablejump2__" { note_upcall(1) }

# A frame is made by lowering a copy of SP, right after it was taken, by sbiw,
# or by subi and sbci.
$3 == "in" && $4 ~ /^r28, 0x3d/ { copied = 1 }
$3 !~ /^(in|sbiw|subi|sbci)$/ { copied = 0 }
copied && $3 != "in" && $4 ~ /^r28/ { frame[name] += number($4) }
copied && $3 == "sbci" && $4 ~ /^r29/ { frame[name] += 256 * number($4) }

# "FRAME FUNCTION" of each on the way to the bound, the return address in it.
function print_way(name,    nested)
{
    nested = 0
    for (; name != ""; name = deepest[name, 0, nested]) {
        print frame[name] + 2, name
        if (nested && name in returns) return
        if (name in returns) {
            name = deepest[name, 0, 0]
            nested = 1
            print frame[name] + 2, name
        }
    }
}

END {
    if (way != "") {
        worst(way, 0, 0, 0)
        print_way(way)
        exit
    }
    for (i = 1; i <= count; i++)
        print names[i], worst(names[i], 0, 0, 0), upcall_at(names[i], 0, 0),
              worst(names[i], 1, 0, 0)
}
