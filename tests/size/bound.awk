# From avr-objdump -d: "FUNCTION BYTES", the most stack that a call of each
# function can take on any input, its return address and all calls below it
# included. What it pushes counts as if it were never popped. -1 where it
# cannot be told: a call through a pointer, or recursion.

function target(comment)
{
    if (!match(comment, /<[^>+]+/)) return ""
    return substr(comment, RSTART + 1, RLENGTH - 1)
}

function worst(name, depth,    i, below, most)
{
    if (name in known) return known[name]
    if (depth > 50 || name in unknown) return -1
    most = frame[name]
    for (i = 1; i <= calls[name]; i++) {
        below = worst(callee[name, i], depth + 1)
        if (below < 0) return -1
        # A jump to another function is made when the frame is gone.
        below += jumps[name, i] ? -2 : frame[name]
        if (below > most) most = below
    }
    return known[name] = most + 2
}

function note_call(to, jump)
{
    if (to == "" || (jump && to == name)) return
    callee[name, ++calls[name]] = to
    jumps[name, calls[name]] = jump
}

BEGIN { FS = "\t" }

/^[0-9a-f]+ <.*>:$/ {
    name = target($0)
    names[++count] = name
    frame[name] += 0
    next
}

$3 == "push" { frame[name]++ }

# `rcall .+0` makes room for two bytes.
($3 == "rcall" || $3 == "call") && $4 !~ /^\.\+0 / { note_call(target($0), 0) }
$3 == "rcall" && $4 ~ /^\.\+0 / { frame[name] += 2 }

$3 == "rjmp" || $3 == "jmp" { note_call(target($0), 1) }
$3 == "icall" || $3 == "eicall" { unknown[name] = 1 }

# A frame is made by lowering a copy of SP, right after it was taken, by sbiw,
# or by subi and sbci.
$3 == "in" && $4 ~ /^r28, 0x3d/ { copied = 1 }
$3 !~ /^(in|sbiw|subi|sbci)$/ { copied = 0 }
copied && $3 != "in" && $4 ~ /^r28/ { frame[name] += number($4) }
copied && $3 == "sbci" && $4 ~ /^r29/ { frame[name] += 256 * number($4) }

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

END {
    for (i = 1; i <= count; i++) print names[i], worst(names[i], 0)
}
