/* EthernetUdp.h - a socket as that of the Ethernet library; there is one. */

#ifndef ETHERNET_UDP_H
#define ETHERNET_UDP_H

#include <Udp.h>

class EthernetUDP : public UDP
{
  public:
    virtual uint8_t begin(uint16_t port);
    virtual uint8_t beginMulticast(IPAddress group, uint16_t port);
    virtual void stop();

    virtual int beginPacket(IPAddress ip, uint16_t port);
    virtual int beginPacket(const char *host, uint16_t port);
    virtual int endPacket();
    virtual size_t write(uint8_t byte);
    virtual size_t write(const uint8_t *bytes, size_t size);
    using Print::write;

    virtual int parsePacket();
    virtual int available();
    virtual int read();
    virtual int read(unsigned char *bytes, size_t size);
    virtual int read(char *text, size_t size);
    virtual int peek();
    virtual void flush();
    virtual IPAddress remoteIP();
    virtual uint16_t remotePort();
};

#endif
