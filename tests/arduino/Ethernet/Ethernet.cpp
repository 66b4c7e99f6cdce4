/* Ethernet.cpp - datagrams as frames of the header's SLIP room, as `coap2 slip`
   sends them: from a socket that is in a group come those to the group as well,
   as `coap2 slip` marks them. Peers that it gives a number have the address
   0.0.x.y. */

#include "Ethernet.h"

/* Of the library, the frames. */
#define COAP2_WITH_SERVER 0
#define COAP2_WITH_CLIENT 0
#define COAP2_STATIC
#define COAP2_IMPLEMENTATION
#include <coap2.h>

enum { KIND = 0, PORT = 1, ADDRESS = 3, HEADER = 7, FCS = 2 };
enum { IPV4 = 1, OTHER = 3, GROUP = 16 };
enum { MESSAGE = 128, LARGER = 200 }; /* what is sent, and what may come */

EthernetClass Ethernet;

static coap2_slip slip;
static uint8_t in[HEADER + LARGER + FCS], out[HEADER + MESSAGE + FCS];
static size_t arrived; /* a frame that waits in `in`; 0: one is under way */
static size_t at, end; /* what is left of the packet that is read */
static size_t filled;  /* of `out`; more than it holds: the packet is lost */
static bool in_group;

/* ---- frames ------------------------------------------------------------- */

/* RFC 1662 C.2 */
static uint16_t check(const uint8_t *bytes, size_t length)
{
    uint16_t fcs = 0xffff;

    for (size_t i = 0; i < length; i++) {
        fcs ^= bytes[i];
        for (uint8_t bit = 0; bit < 8; bit++)
            fcs = (uint16_t)((fcs & 1) ? (fcs >> 1) ^ 0x8408 : fcs >> 1);
    }
    return (uint16_t)~fcs;
}

static bool is_ours()
{
    uint8_t kind = in_group ? in[KIND] & (uint8_t)~GROUP : in[KIND];

    return slip.checked && arrived > HEADER + FCS &&
           (kind == IPV4 || kind == OTHER);
}

/* The chip of a real one receives while another packet is sent: so does this,
   until there is one. */
static void receive()
{
    while (arrived == 0 && Serial.available() > 0) {
        arrived = coap2_slip_take(&slip, (uint8_t)Serial.read());
        if (arrived != 0 && !is_ours()) arrived = 0;
    }
}

static void put(void *, uint8_t byte)
{
    while (Serial.availableForWrite() == 0) receive();
    Serial.write(byte);
}

/* ---- Ethernet ------------------------------------------------------------ */

int EthernetClass::begin(uint8_t *, unsigned long, unsigned long)
{
    Serial.begin(115200);
    return 1;
}

void EthernetClass::begin(uint8_t *mac, IPAddress)
{
    begin(mac);
}

IPAddress EthernetClass::localIP()
{
    return IPAddress(127, 0, 0, 1);
}

int EthernetClass::maintain()
{
    return 0;
}

/* ---- a socket ------------------------------------------------------------ */

uint8_t EthernetUDP::begin(uint16_t)
{
    coap2_slip_start(&slip, in, sizeof in);
    return 1;
}

uint8_t EthernetUDP::beginMulticast(IPAddress group, uint16_t port)
{
    in_group = group == IPAddress(224, 0, 1, 187);
    return begin(port);
}

void EthernetUDP::stop()
{
    coap2_slip_start(&slip, NULL, 0);
}

int EthernetUDP::beginPacket(IPAddress ip, uint16_t port)
{
    out[KIND] = ip[0] == 0 ? OTHER : IPV4;
    out[PORT] = (uint8_t)(port >> 8);
    out[PORT + 1] = (uint8_t)port;
    for (uint8_t i = 0; i < 4; i++) out[ADDRESS + i] = ip[i];
    filled = HEADER;
    return 1;
}

int EthernetUDP::beginPacket(const char *, uint16_t)
{
    return 0;
}

int EthernetUDP::endPacket()
{
    uint16_t fcs = check(out, filled);

    if (filled > sizeof out - FCS) return 0;
    out[filled++] = (uint8_t)fcs;
    out[filled++] = (uint8_t)(fcs >> 8);
    coap2_slip_write(put, NULL, out, filled);
    return 1;
}

size_t EthernetUDP::write(uint8_t byte)
{
    return write(&byte, 1);
}

size_t EthernetUDP::write(const uint8_t *bytes, size_t size)
{
    size_t room = filled < sizeof out ? sizeof out - filled : 0;

    if (size > room) size = room;
    memcpy(out + filled, bytes, size);
    filled += size;
    return size;
}

/* What was not read of the last one is dropped. */
int EthernetUDP::parsePacket()
{
    at = end = 0;
    receive();
    if (arrived == 0) return 0;
    at = HEADER;
    end = arrived - FCS;
    arrived = 0;
    return (int)(end - at);
}

int EthernetUDP::available()
{
    return (int)(end - at);
}

int EthernetUDP::read()
{
    return at < end ? in[at++] : -1;
}

int EthernetUDP::read(unsigned char *bytes, size_t size)
{
    if (size > end - at) size = end - at;
    memcpy(bytes, in + at, size);
    at += size;
    return (int)size;
}

int EthernetUDP::read(char *text, size_t size)
{
    return read((unsigned char *)text, size);
}

int EthernetUDP::peek()
{
    return at < end ? in[at] : -1;
}

void EthernetUDP::flush()
{
    at = end;
}

IPAddress EthernetUDP::remoteIP()
{
    return IPAddress(in + ADDRESS);
}

uint16_t EthernetUDP::remotePort()
{
    return (uint16_t)(in[PORT] << 8 | in[PORT + 1]);
}
