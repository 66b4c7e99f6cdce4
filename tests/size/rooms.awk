# From avr-objdump -dl: "ROOM BYTES", the code of each room of coap2.h, where
# its lines went, also into functions of other rooms. The tables of a room are
# not in it.

function room_of(file, line,    text, at, room)
{
    if (file !~ /coap2\.h$/) return "other"
    if (!is_read) {
        is_read = 1
        room = "manual"
        while ((getline text < "coap2.h") > 0) {
            if (match(text, /^\/\* ---- >>[a-z]+:/))
                room = substr(text, RSTART + 10, RLENGTH - 11)
            rooms[++at] = room
        }
    }
    return rooms[line + 0]
}

BEGIN { FS = "\t" }

/^[0-9a-f]+ <.*>:$/ { room = "other" }

/^[^\t]*:[0-9]+( \(discriminator [0-9]+\))?$/ {
    split($0, place, ":")
    room = room_of(place[1], place[2])
}

$1 ~ /^ *[0-9a-f]+:$/ { bytes[room] += split($2, pairs, " ") }

END { for (room in bytes) print room, bytes[room] }
