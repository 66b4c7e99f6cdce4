/* Ethernet.cpp - nothing at all behind the interface of the Ethernet library,
   so that what a sketch has without it can be measured. Results come from a
   register, or the compiler would see that nothing ever arrives. */

#include "Ethernet.h"

EthernetClass Ethernet;

int EthernetClass::begin(uint8_t *, unsigned long, unsigned long)
{
    return GPIOR1;
}

void EthernetClass::begin(uint8_t *, IPAddress)
{
}

IPAddress EthernetClass::localIP()
{
    return IPAddress(GPIOR1, GPIOR1, GPIOR1, GPIOR1);
}

int EthernetClass::maintain()
{
    return GPIOR1;
}

uint8_t EthernetUDP::begin(uint16_t)
{
    return GPIOR1;
}

uint8_t EthernetUDP::beginMulticast(IPAddress, uint16_t)
{
    return GPIOR1;
}

void EthernetUDP::stop()
{
}

int EthernetUDP::beginPacket(IPAddress, uint16_t)
{
    return GPIOR1;
}

int EthernetUDP::beginPacket(const char *, uint16_t)
{
    return GPIOR1;
}

int EthernetUDP::endPacket()
{
    return GPIOR1;
}

size_t EthernetUDP::write(uint8_t)
{
    return GPIOR1;
}

size_t EthernetUDP::write(const uint8_t *, size_t)
{
    return GPIOR1;
}

int EthernetUDP::parsePacket()
{
    return GPIOR1;
}

int EthernetUDP::available()
{
    return GPIOR1;
}

int EthernetUDP::read()
{
    return GPIOR1;
}

int EthernetUDP::read(unsigned char *bytes, size_t)
{
    bytes[0] = GPIOR1;
    return GPIOR1;
}

int EthernetUDP::read(char *, size_t)
{
    return GPIOR1;
}

int EthernetUDP::peek()
{
    return GPIOR1;
}

void EthernetUDP::flush()
{
}

IPAddress EthernetUDP::remoteIP()
{
    return IPAddress(GPIOR1, GPIOR1, GPIOR1, GPIOR1);
}

uint16_t EthernetUDP::remotePort()
{
    return GPIOR1;
}
