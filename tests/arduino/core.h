/* core.h - the headers of Arduino's core and libraries, whose warnings are not
   ours. As system headers avr-g++ would take them for C. */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <Arduino.h>
#include <EEPROM.h>
#include <SPI.h>
#include <Udp.h>
#include <Wire.h>
#pragma GCC diagnostic pop

/* Not each sketch uses what EEPROM.h defines. */
inline EEPROMClass &used_eeprom()
{
    return EEPROM;
}
