/* Ethernet.h - what a sketch takes for the Ethernet library, which Debian does
   not have. Its datagrams are frames on the serial line of a simulator. */

#ifndef ETHERNET_H
#define ETHERNET_H

#include <Arduino.h>

#include "EthernetUdp.h"

class EthernetClass
{
  public:
    static int begin(uint8_t *mac, unsigned long timeout = 60000,
                     unsigned long response_timeout = 4000);
    static void begin(uint8_t *mac, IPAddress ip);
    static IPAddress localIP();
    static int maintain();
};

extern EthernetClass Ethernet;

#endif
