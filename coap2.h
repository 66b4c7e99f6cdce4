/* coap2.h - CoAP for small machines, in one file                      0.1.0

   A CoAP library (RFC 7252 and its family) that never allocates, keeps no
   global state and does no I/O of its own. It runs in 2 KB of RAM and at full
   speed on a server. MIT licence, at the end.

   DO THIS
       #define COAP2_IMPLEMENTATION
       #include "coap2.h"
   in one C or C++ file, and include "coap2.h" anywhere else.

   READ A PACKET from your own buffer, nothing copied:

       coap2_msg msg;
       coap2_opt opt;

       if (coap2_msg_parse(&msg, packet, packet_length) != COAP2_OK) return;
       for (opt = msg.options; coap2_opt_next(&opt);)
           use_option(opt.number, opt.value, opt.length);
       use_payload(msg.payload, msg.payload_length);

   WRITE ONE into your own buffer, check once:

       coap2_writer w;

       coap2_write_start(&w, buffer, sizeof buffer);
       coap2_write_header(&w, COAP2_ACK, COAP2_205_CONTENT, msg.id,
                          msg.token, msg.token_length);
       coap2_write_uint(&w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_TEXT);
       coap2_write_payload(&w, "21.5", 4);
       packet_length = coap2_write_end(&w);

   BE A SERVER on any transport: variables and functions are resources. See
   examples/03_server.c, and 04_client.c for the other side:

       static int16_t temp10;
       COAP2_FIELDS(climate_fields,
                    COAP2_FIELD("temp", COAP2_I16, temp10, -1));
       COAP2_BOUND(climate, "climate", 0, climate_fields, "rt=\"climate\"");
       COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_fan, "");
       COAP2_TABLE(things, &climate, &fan);

       coap2_node node;
       static uint8_t out[3 * 128], in[128];

       void serve(void)
       {
           node.send = udp_send;
           node.recv = udp_recv;
           node.out = out;
           node.out_size = sizeof out;
           node.in = in;
           node.in_size = sizeof in;
           node.resources = things;
           coap2_start(&node, random_seed());
           for (;;) udp_wait(coap2_poll(&node, now_ms()));
       }

   KNOBS - define them before the include, the same in every file
       COAP2_WITH_URI      1  URIs and options, both ways    (AVR: 7 KB)
       COAP2_WITH_LINKS    1  link lists, RFC 6690           (AVR: 3 KB)
       COAP2_WITH_STRINGS  1  names and reasons as text; 0 on AVR, where
                              they would take RAM            (M0: 4 KB)
       COAP2_WITH_FIELDS   1  variables as text, both ways   (AVR: 4.5 KB)
       COAP2_WITH_JSON     1  fields as JSON as well         (AVR: 2 KB)
       COAP2_WITH_CBOR     1  fields as CBOR as well         (AVR: 4 KB)
       COAP2_WITH_RULES    1  conditions of fields           (AVR: 18 KB)
       COAP2_WITH_SERVER   1  resources that are answered    (AVR: 18.5 KB)
       COAP2_WITH_CLIENT   1  requests                       (AVR: 13.5 KB)
       COAP2_WITH_LATER    1  answers that take their time   (AVR: 1.5 KB)
       COAP2_WITH_ECHO     1  a client repeats with Echo     (AVR: 0.5 KB)
       COAP2_WITH_OBSERVE  1  observers, on both sides       (AVR: 12 KB)
       COAP2_WITH_BLOCKS   1  bodies beyond a packet         (AVR: 8 KB)
       COAP2_WITH_DISCOVERY 1 nodes found by name or offer   (AVR: 5.5 KB)
       COAP2_WITH_DIRECTORY 0 a node in a resource directory (AVR: 4.5 KB)
       COAP2_WITH_SLIP     1  frames on a serial line        (AVR: 1 KB)
       COAP2_WITH_LOG      1  node.log; 0 on AVR
       COAP2_FIELD_NAME   12  bytes of a field's name in its row
       COAP2_RULE_DEPTH   16  parentheses, and levels of a payload; AVR 8
       COAP2_RULE_OLDS     4  fields of a rule whose last value is kept; AVR 2
                              (12 bytes each)
       COAP2_RULE_SIZE   388  bytes of a subscriber's rule, compiled; AVR 24
     The records of a node, and what each costs (AVR, elsewhere more):
       COAP2_MAX_EXCHANGES 8  messages that wait; AVR 2      (45 bytes each)
       COAP2_MAX_DUPLICATES 16  of others remembered; AVR 4  (29 bytes each)
       COAP2_MAX_OBSERVERS 16 of a node; AVR 4               (40 bytes each)
       COAP2_OBSERVE_OPTIONS 64  bytes of an observer's query, Accept and ETags
                              that are kept; AVR 4
       COAP2_MAX_UPLOADS   4  bodies that arrive at a time; AVR 1
       COAP2_REPLY_SIZE   64  bytes of an answer remembered; AVR 8
       COAP2_ADDRESS_SIZE 16  of an address: IPv6; AVR 4: IPv4
       COAP2_PACKET     1152  bytes of a slot of node.out; AVR 128
       COAP2_MAX_NAMES    16  names whose address is known; AVR 2
                                                             (20 bytes each)
     Parameters of protocols:
       COAP2_TOKEN_LENGTH  4  of our requests
       COAP2_FLOOD_LIMIT   0  requests a second of one client; more are 4.29;
                              as many clients as duplicates are counted
       COAP2_REPLY_LIMIT   0  times its request, an answer to who has not shown
                              its address (Echo); 3 is what RFC 9175 wants
     and those of RFC 7252 4.8 that a node starts with: COAP2_ACK_TIMEOUT,
     COAP2_RANDOM_FACTOR, COAP2_MAX_RETRANSMIT, COAP2_NSTART, COAP2_LEISURE,
     COAP2_PROBING_RATE, COAP2_EXCHANGE_LIFETIME, COAP2_NON_LIFETIME, and
     COAP2_ACK_DELAY, COAP2_DEADLINE and COAP2_BLOCK_IDLE
       COAP2_OPT_DISCOVERY 300, COAP2_OPT_NOTIFICATION 400, COAP2_OPT_RULE 410
                              the numbers of the options of CoAP 2
       COAP2_IMPLEMENTATION   in one file only: the machine
       COAP2_STATIC           with it: every function is static, a private
                              copy, and the smallest and fastest
   What is not called costs nothing where the linker drops unused sections
   (-ffunction-sections -Wl,--gc-sections); a knob takes it out anywhere. Its KB
   are what a node saves without it, where those that need it are off already.

   CONTENTS - search for a tag
     The manual
       @results    what calls return
       @codes      methods, response codes, signals
       @options    option numbers and what their bits say
       @formats    content formats
       @message    read a message that arrived
       @writer     write a message or a body
       @block      the value of a Block option
       @uri        URIs to options and back, paths
       @links      link lists and their filters
       @fields     variables as resources
       @rules      which changes matter
       @peer       who is at the other end
       @resource   what a server offers
       @node       an endpoint
       @client     requests
       @find       nodes by name and by what they offer
       @directory  who is there, and who offers what
       @slip       datagrams on a serial line
       @names      names and reasons as text
     The machine
       >>ground    types of the target, flash access
       >>bytes     numbers and characters
       >>slip      frames on a serial line
       >>options   walking and reading options
       >>message   parsing and writing messages
       >>uri       URIs and paths
       >>links     link lists
       >>fields    values and fields
       >>rules     conditions and triggers
       >>chance    the node's generator
       >>exchanges peers, slots, duplicates
       >>conditions a rule in a query
       >>observers who wants to know
       >>resources requests and their answers
       >>server    a request comes in, an answer goes out
       >>client    a request goes out, its answer comes in
       >>node      time goes by, a datagram comes in
       >>directory a registration, and what becomes of it
       >>names     texts for people
     >>history     releases
     >>licence     MIT

   THE RULES OF THE HOUSE
   Lengths are checked once, where bytes enter. Pointers that you pass in stay
   yours; a view (coap2_msg, coap2_opt, coap2_uri, coap2_link) points into your
   bytes and lives as long as they do. Nothing is NUL-terminated unless it says
   so. Writers are sticky: after the first error the rest does nothing, and the
   error is there at the end. Every function may be used from several threads
   on different objects. */

#ifndef COAP2_H
#define COAP2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define COAP2_VERSION "0.1.0"

#ifndef COAP2_WITH_URI /* URIs: options from text, text from options */
#define COAP2_WITH_URI 1
#endif
#ifndef COAP2_WITH_LINKS /* link lists of RFC 6690 */
#define COAP2_WITH_LINKS 1
#endif
#ifndef COAP2_WITH_STRINGS /* names as text; on AVR they would fill RAM */
#ifdef __AVR__
#define COAP2_WITH_STRINGS 0
#else
#define COAP2_WITH_STRINGS 1
#endif
#endif
#ifndef COAP2_WITH_FIELDS /* variables written and read as text */
#define COAP2_WITH_FIELDS 1
#endif
#ifndef COAP2_WITH_JSON /* fields as JSON, too */
#define COAP2_WITH_JSON COAP2_WITH_FIELDS
#endif
#ifndef COAP2_WITH_CBOR /* fields as CBOR, too */
#define COAP2_WITH_CBOR COAP2_WITH_FIELDS
#endif
#ifndef COAP2_FIELD_NAME /* (2..32) bytes of a field's name, with its NUL */
#define COAP2_FIELD_NAME 12
#endif
#ifndef COAP2_WITH_RULES /* conditions of fields and payloads */
#define COAP2_WITH_RULES COAP2_WITH_FIELDS
#endif
#ifndef COAP2_RULE_DEPTH /* (1..32) parentheses, and levels of a payload */
#ifdef __AVR__
#define COAP2_RULE_DEPTH 8
#else
#define COAP2_RULE_DEPTH 16
#endif
#endif
#ifndef COAP2_RULE_OLDS /* (1..32) fields of a rule whose last value is kept */
#ifdef __AVR__
#define COAP2_RULE_OLDS 2
#else
#define COAP2_RULE_OLDS 4
#endif
#endif
#ifndef COAP2_RULE_SIZE /* (8..500) bytes of a subscriber's rule, compiled */
#ifdef __AVR__
#define COAP2_RULE_SIZE 24
#else
#define COAP2_RULE_SIZE 388
#endif
#endif
#ifndef COAP2_WITH_SERVER /* resources that are answered */
#define COAP2_WITH_SERVER 1
#endif
#ifndef COAP2_WITH_CLIENT /* requests */
#define COAP2_WITH_CLIENT 1
#endif
#ifndef COAP2_WITH_LATER /* answers that take their time */
#define COAP2_WITH_LATER COAP2_WITH_SERVER
#endif
#ifndef COAP2_WITH_ECHO /* repeat a request that was answered with Echo */
#define COAP2_WITH_ECHO COAP2_WITH_CLIENT
#endif
#ifndef COAP2_WITH_OBSERVE /* observers, on both sides: RFC 7641 */
#define COAP2_WITH_OBSERVE (COAP2_WITH_SERVER | COAP2_WITH_CLIENT)
#endif
#ifndef COAP2_WITH_BLOCKS /* bodies beyond a packet, both sides: RFC 7959 */
#define COAP2_WITH_BLOCKS (COAP2_WITH_SERVER | COAP2_WITH_CLIENT)
#endif
#ifndef COAP2_WITH_DISCOVERY /* nodes found by name or by what they offer */
#if COAP2_WITH_CLIENT
#define COAP2_WITH_DISCOVERY (COAP2_WITH_LINKS & COAP2_WITH_URI)
#else
#define COAP2_WITH_DISCOVERY COAP2_WITH_SERVER
#endif
#endif
#ifndef COAP2_WITH_DIRECTORY /* a node in a resource directory: RFC 9176 */
#define COAP2_WITH_DIRECTORY 0
#endif
#ifndef COAP2_MAX_NAMES /* (1..200) names whose address a node remembers */
#ifdef __AVR__
#define COAP2_MAX_NAMES 2
#else
#define COAP2_MAX_NAMES 16
#endif
#endif
#ifndef COAP2_WITH_SLIP /* frames on a serial line */
#define COAP2_WITH_SLIP 1
#endif
#ifndef COAP2_WITH_LOG /* the node's log callback */
#define COAP2_WITH_LOG COAP2_WITH_STRINGS
#endif
#ifndef COAP2_MAX_EXCHANGES /* (1..100) messages of a node that wait */
#ifdef __AVR__
#define COAP2_MAX_EXCHANGES 2
#else
#define COAP2_MAX_EXCHANGES 8
#endif
#endif
#ifndef COAP2_MAX_DUPLICATES /* (1..200) messages of others remembered */
#ifdef __AVR__
#define COAP2_MAX_DUPLICATES 4
#else
#define COAP2_MAX_DUPLICATES 16
#endif
#endif
#ifndef COAP2_MAX_OBSERVERS /* (1..200) of a node */
#ifdef __AVR__
#define COAP2_MAX_OBSERVERS 4
#else
#define COAP2_MAX_OBSERVERS 16
#endif
#endif
#ifndef COAP2_OBSERVE_OPTIONS /* (4..255) bytes of an observer's options: its
                                 Accept, query, ETags */
#ifdef __AVR__
#define COAP2_OBSERVE_OPTIONS 4
#else
#define COAP2_OBSERVE_OPTIONS 64
#endif
#endif
#ifndef COAP2_MAX_UPLOADS /* (0..100) bodies that arrive at a time; 0: none,
                             requests in blocks are refused */
#ifdef __AVR__
#define COAP2_MAX_UPLOADS 1
#else
#define COAP2_MAX_UPLOADS 4
#endif
#endif
#ifndef COAP2_BLOCK_IDLE /* (1..65535) seconds until another may have the place
                            of a body that stopped arriving; RFC 7959 2.5 */
#define COAP2_BLOCK_IDLE 10
#endif
#ifndef COAP2_REPLY_SIZE /* (1..255) bytes of an answer that are remembered */
#ifdef __AVR__
#define COAP2_REPLY_SIZE 8
#else
#define COAP2_REPLY_SIZE 64
#endif
#endif
#ifndef COAP2_ADDRESS_SIZE /* (4..20) bytes of an address: IPv4 4, IPv6 16 */
#ifdef __AVR__
#define COAP2_ADDRESS_SIZE 4
#else
#define COAP2_ADDRESS_SIZE 16
#endif
#endif
#ifndef COAP2_PACKET /* (32..1280) bytes of a slot of node.out */
#ifdef __AVR__
#define COAP2_PACKET 128
#else
#define COAP2_PACKET 1152
#endif
#endif
#ifndef COAP2_TOKEN_LENGTH /* (1..8) of our requests; RFC 7252 5.3.1 */
#define COAP2_TOKEN_LENGTH 4
#endif
#ifndef COAP2_ACK_DELAY /* (1..2000) ms until a late answer's empty ACK;
                           RFC 7252 5.2.2 */
#define COAP2_ACK_DELAY 500
#endif
#ifndef COAP2_DEADLINE /* (1..1000000) ms that a request waits; RFC 7252
                          4.8.2, MAX_TRANSMIT_WAIT */
#define COAP2_DEADLINE 93000
#endif
#ifndef COAP2_ACK_TIMEOUT /* (1..65535) ms; RFC 7252 4.8 */
#define COAP2_ACK_TIMEOUT 2000
#endif
#ifndef COAP2_RANDOM_FACTOR /* (100..300) percent; RFC 7252 4.8 */
#define COAP2_RANDOM_FACTOR 150
#endif
#ifndef COAP2_MAX_RETRANSMIT /* (1..20); RFC 7252 4.8 */
#define COAP2_MAX_RETRANSMIT 4
#endif
#ifndef COAP2_NSTART /* (1..100); RFC 7252 4.8 */
#define COAP2_NSTART 1
#endif
#ifndef COAP2_PROBING_RATE /* (1..65535) bytes a second; RFC 7252 4.8 */
#define COAP2_PROBING_RATE 1
#endif
#ifndef COAP2_LEISURE /* (1..65535) ms; RFC 7252 4.8 */
#define COAP2_LEISURE 5000
#endif
#ifndef COAP2_EXCHANGE_LIFETIME /* (1..65535) seconds; RFC 7252 4.8 */
#define COAP2_EXCHANGE_LIFETIME 247
#endif
#ifndef COAP2_NON_LIFETIME /* (1..65535) seconds; RFC 7252 4.8 */
#define COAP2_NON_LIFETIME 145
#endif
#ifndef COAP2_FLOOD_LIMIT /* (0..1000) requests a second of one client; more
                             are 4.29, RFC 8516. 0: no limit */
#define COAP2_FLOOD_LIMIT 0
#endif
#ifndef COAP2_REPLY_LIMIT /* (0..20) times the size of a request, its answer
                             to an address that was not shown, RFC 9175 2.4;
                             0: no limit */
#define COAP2_REPLY_LIMIT 0
#endif
#ifndef COAP2_OPT_DISCOVERY /* not assigned by IANA, as the next two */
#define COAP2_OPT_DISCOVERY 300
#endif
#ifndef COAP2_OPT_NOTIFICATION
#define COAP2_OPT_NOTIFICATION 400
#endif
#ifndef COAP2_OPT_RULE
#define COAP2_OPT_RULE 410
#endif

#if (COAP2_WITH_URI | COAP2_WITH_LINKS | COAP2_WITH_STRINGS |      \
     COAP2_WITH_FIELDS | COAP2_WITH_JSON | COAP2_WITH_CBOR |       \
     COAP2_WITH_SERVER | COAP2_WITH_CLIENT | COAP2_WITH_LATER |    \
     COAP2_WITH_ECHO | COAP2_WITH_LOG | COAP2_WITH_OBSERVE |       \
     COAP2_WITH_BLOCKS | COAP2_WITH_RULES | COAP2_WITH_DISCOVERY | \
     COAP2_WITH_DIRECTORY | COAP2_WITH_SLIP) > 1
#error "coap2: each COAP2_WITH_x is 0 or 1"
#endif
#if COAP2_WITH_JSON && !COAP2_WITH_FIELDS
#error "coap2: COAP2_WITH_JSON needs COAP2_WITH_FIELDS"
#endif
#if COAP2_WITH_CBOR && !COAP2_WITH_FIELDS
#error "coap2: COAP2_WITH_CBOR needs COAP2_WITH_FIELDS"
#endif
#if COAP2_WITH_RULES && !COAP2_WITH_FIELDS
#error "coap2: COAP2_WITH_RULES needs COAP2_WITH_FIELDS"
#endif
#if COAP2_WITH_LATER && !COAP2_WITH_SERVER
#error "coap2: COAP2_WITH_LATER needs COAP2_WITH_SERVER"
#endif
#if COAP2_WITH_OBSERVE && !COAP2_WITH_SERVER && !COAP2_WITH_CLIENT
#error "coap2: COAP2_WITH_OBSERVE needs COAP2_WITH_SERVER or _CLIENT"
#endif
#if COAP2_WITH_BLOCKS && !COAP2_WITH_SERVER && !COAP2_WITH_CLIENT
#error "coap2: COAP2_WITH_BLOCKS needs COAP2_WITH_SERVER or _CLIENT"
#endif
#if COAP2_WITH_DISCOVERY && !COAP2_WITH_SERVER && !COAP2_WITH_CLIENT
#error "coap2: COAP2_WITH_DISCOVERY needs COAP2_WITH_SERVER or _CLIENT"
#endif
#if COAP2_WITH_DISCOVERY && COAP2_WITH_CLIENT && !COAP2_WITH_LINKS
#error "coap2: COAP2_WITH_DISCOVERY of a client needs COAP2_WITH_LINKS"
#endif
#if COAP2_WITH_DISCOVERY && COAP2_WITH_CLIENT && !COAP2_WITH_URI
#error "coap2: COAP2_WITH_DISCOVERY of a client needs COAP2_WITH_URI"
#endif
#if COAP2_WITH_DIRECTORY && !COAP2_WITH_CLIENT
#error "coap2: COAP2_WITH_DIRECTORY needs COAP2_WITH_CLIENT"
#endif
#if COAP2_WITH_DIRECTORY && !COAP2_WITH_URI
#error "coap2: COAP2_WITH_DIRECTORY needs COAP2_WITH_URI"
#endif
#if COAP2_WITH_DIRECTORY && !COAP2_WITH_LINKS
#error "coap2: COAP2_WITH_DIRECTORY needs COAP2_WITH_LINKS"
#endif
#if COAP2_WITH_ECHO && !COAP2_WITH_CLIENT
#error "coap2: COAP2_WITH_ECHO needs COAP2_WITH_CLIENT"
#endif
#if COAP2_OPT_DISCOVERY > 65535 || COAP2_OPT_NOTIFICATION > 65535 || \
    COAP2_OPT_RULE > 65535
#error "coap2: an option's number is at most 65535"
#endif
#if COAP2_FIELD_NAME < 2 || COAP2_FIELD_NAME > 32
#error "coap2: COAP2_FIELD_NAME is 2 to 32"
#endif
#if COAP2_RULE_DEPTH < 1 || COAP2_RULE_DEPTH > 32
#error "coap2: COAP2_RULE_DEPTH is 1 to 32"
#endif
#if COAP2_RULE_OLDS < 1 || COAP2_RULE_OLDS > 32
#error "coap2: COAP2_RULE_OLDS is 1 to 32"
#endif
#if COAP2_RULE_SIZE < 8 || COAP2_RULE_SIZE > 500
#error "coap2: COAP2_RULE_SIZE is 8 to 500"
#endif
#if COAP2_MAX_NAMES < 1 || COAP2_MAX_NAMES > 200
#error "coap2: COAP2_MAX_NAMES is 1 to 200"
#endif
#if COAP2_MAX_EXCHANGES < 1 || COAP2_MAX_EXCHANGES > 100
#error "coap2: COAP2_MAX_EXCHANGES is 1 to 100"
#endif
#if COAP2_MAX_DUPLICATES < 1 || COAP2_MAX_DUPLICATES > 200
#error "coap2: COAP2_MAX_DUPLICATES is 1 to 200"
#endif
#if COAP2_MAX_OBSERVERS < 1 || COAP2_MAX_OBSERVERS > 200
#error "coap2: COAP2_MAX_OBSERVERS is 1 to 200"
#endif
#if COAP2_OBSERVE_OPTIONS < 4 || COAP2_OBSERVE_OPTIONS > 255
#error "coap2: COAP2_OBSERVE_OPTIONS is 4 to 255"
#endif
#if COAP2_MAX_UPLOADS < 0 || COAP2_MAX_UPLOADS > 100
#error "coap2: COAP2_MAX_UPLOADS is 0 to 100"
#endif
#if COAP2_BLOCK_IDLE < 1 || COAP2_BLOCK_IDLE > 65535
#error "coap2: COAP2_BLOCK_IDLE is 1 to 65535"
#endif
#if COAP2_REPLY_SIZE < 1 || COAP2_REPLY_SIZE > 255
#error "coap2: COAP2_REPLY_SIZE is 1 to 255"
#endif
#if COAP2_ADDRESS_SIZE < 4 || COAP2_ADDRESS_SIZE > 20
#error "coap2: COAP2_ADDRESS_SIZE is 4 to 20"
#endif
#if COAP2_PACKET < 32 || COAP2_PACKET > 1280
#error "coap2: COAP2_PACKET is 32 to 1280"
#endif
#if COAP2_TOKEN_LENGTH < 1 || COAP2_TOKEN_LENGTH > 8
#error "coap2: COAP2_TOKEN_LENGTH is 1 to 8"
#endif
#if COAP2_ACK_DELAY < 1 || COAP2_ACK_DELAY > 2000
#error "coap2: COAP2_ACK_DELAY is 1 to 2000"
#endif
#if COAP2_DEADLINE < 1 || COAP2_DEADLINE > 1000000
#error "coap2: COAP2_DEADLINE is 1 to 1000000"
#endif
#if COAP2_ACK_TIMEOUT < 1 || COAP2_ACK_TIMEOUT > 65535
#error "coap2: COAP2_ACK_TIMEOUT is 1 to 65535"
#endif
#if COAP2_RANDOM_FACTOR < 100 || COAP2_RANDOM_FACTOR > 300
#error "coap2: COAP2_RANDOM_FACTOR is 100 to 300"
#endif
#if COAP2_MAX_RETRANSMIT < 1 || COAP2_MAX_RETRANSMIT > 20
#error "coap2: COAP2_MAX_RETRANSMIT is 1 to 20"
#endif
#if COAP2_NSTART < 1 || COAP2_NSTART > 100
#error "coap2: COAP2_NSTART is 1 to 100"
#endif
#if COAP2_PROBING_RATE < 1 || COAP2_PROBING_RATE > 65535
#error "coap2: COAP2_PROBING_RATE is 1 to 65535"
#endif
#if COAP2_LEISURE < 1 || COAP2_LEISURE > 65535
#error "coap2: COAP2_LEISURE is 1 to 65535"
#endif
#if COAP2_EXCHANGE_LIFETIME < 1 || COAP2_EXCHANGE_LIFETIME > 65535
#error "coap2: COAP2_EXCHANGE_LIFETIME is 1 to 65535"
#endif
#if COAP2_NON_LIFETIME < 1 || COAP2_NON_LIFETIME > 65535
#error "coap2: COAP2_NON_LIFETIME is 1 to 65535"
#endif
#if COAP2_FLOOD_LIMIT < 0 || COAP2_FLOOD_LIMIT > 1000
#error "coap2: COAP2_FLOOD_LIMIT is 0 to 1000"
#endif
#if COAP2_REPLY_LIMIT < 0 || COAP2_REPLY_LIMIT > 20
#error "coap2: COAP2_REPLY_LIMIT is 0 to 20"
#endif
#if defined(COAP2_STATIC) && !defined(COAP2_IMPLEMENTATION)
#error "coap2: COAP2_STATIC needs COAP2_IMPLEMENTATION in the same file"
#endif

/* What is made of several knobs: rules that travel with observations, searches
   of our own. */
#define COAP2I_SUBSCRIBES (COAP2_WITH_RULES & COAP2_WITH_OBSERVE)
#define COAP2I_FINDS (COAP2_WITH_DISCOVERY & COAP2_WITH_CLIENT)

#ifndef COAP2_DEF
#ifdef COAP2_STATIC
#ifdef __GNUC__
#define COAP2_DEF static __attribute__((unused))
#else
#define COAP2_DEF static
#endif
#else
#define COAP2_DEF extern
#endif
#endif

#ifdef __AVR__
#include <avr/pgmspace.h>
#define COAP2_FLASH PROGMEM
#define COAP2_TEXT(literal) PSTR(literal)
#else
#define COAP2_FLASH
#define COAP2_TEXT(literal) (literal)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ==== @results: what calls return ======================================== */

/* 0 is success, errors are negative, amounts and handles are positive. */
typedef int8_t coap2_result;

enum {
    COAP2_OK = 0,
    COAP2_ERR_VERSION = -1,    /* not CoAP version 1: drop it silently (3)  */
    COAP2_ERR_FORMAT = -2,     /* malformed bytes or text                    */
    COAP2_ERR_SPACE = -3,      /* does not fit into the buffer you gave      */
    COAP2_ERR_ARG = -4,        /* a value that CoAP cannot carry             */
    COAP2_ERR_FULL = -5,       /* no free exchange or slot: COAP2_MAX_EXCHANGES,
                               node.out_size                              */
    COAP2_ERR_CONFIG = -6,     /* the node is not set up: buffers, callbacks,
                               or files compiled with other knobs         */
    COAP2_ERR_AGAIN = -7,      /* of a callback: not now                     */
    COAP2_ERR_SEND = -8,       /* of a callback: cannot be sent              */
    COAP2_ERR_TIMEOUT = -9,    /* no answer in time (4.2)                    */
    COAP2_ERR_RESET = -10,     /* the peer rejected the message (4.2)        */
    COAP2_ERR_CANCELLED = -11, /* by coap2_cancel                         */
    COAP2_ERR_NAME = -12       /* a host that nobody can resolve             */
};

/* ==== @codes: methods, response codes, signals =========================== */

/* A code is class * 32 + detail; 4.04 is 4 * 32 + 4 (RFC 7252 3). */
#define COAP2_CODE(class_, detail) ((class_)*32 + (detail))
#define COAP2_CODE_CLASS(code) ((unsigned)(code) >> 5)
#define COAP2_CODE_DETAIL(code) ((unsigned)(code)&31u)

enum { COAP2_CON = 0, COAP2_NON = 1, COAP2_ACK = 2, COAP2_RST = 3 };

enum {
    COAP2_000_EMPTY = COAP2_CODE(0, 0),
    COAP2_001_GET = COAP2_CODE(0, 1),
    COAP2_002_POST = COAP2_CODE(0, 2),
    COAP2_003_PUT = COAP2_CODE(0, 3),
    COAP2_004_DELETE = COAP2_CODE(0, 4),
    COAP2_005_FETCH = COAP2_CODE(0, 5), /* RFC 8132 */
    COAP2_006_PATCH = COAP2_CODE(0, 6),
    COAP2_007_IPATCH = COAP2_CODE(0, 7),

    COAP2_201_CREATED = COAP2_CODE(2, 1),
    COAP2_202_DELETED = COAP2_CODE(2, 2),
    COAP2_203_VALID = COAP2_CODE(2, 3),
    COAP2_204_CHANGED = COAP2_CODE(2, 4),
    COAP2_205_CONTENT = COAP2_CODE(2, 5),
    COAP2_231_CONTINUE = COAP2_CODE(2, 31), /* RFC 7959 */

    COAP2_400_BAD_REQUEST = COAP2_CODE(4, 0),
    COAP2_401_UNAUTHORIZED = COAP2_CODE(4, 1),
    COAP2_402_BAD_OPTION = COAP2_CODE(4, 2),
    COAP2_403_FORBIDDEN = COAP2_CODE(4, 3),
    COAP2_404_NOT_FOUND = COAP2_CODE(4, 4),
    COAP2_405_METHOD_NOT_ALLOWED = COAP2_CODE(4, 5),
    COAP2_406_NOT_ACCEPTABLE = COAP2_CODE(4, 6),
    COAP2_408_REQUEST_ENTITY_INCOMPLETE = COAP2_CODE(4, 8), /* RFC 7959 */
    COAP2_409_CONFLICT = COAP2_CODE(4, 9),                  /* RFC 8132 */
    COAP2_412_PRECONDITION_FAILED = COAP2_CODE(4, 12),
    COAP2_413_REQUEST_ENTITY_TOO_LARGE = COAP2_CODE(4, 13),
    COAP2_415_UNSUPPORTED_CONTENT_FORMAT = COAP2_CODE(4, 15),
    COAP2_422_UNPROCESSABLE_ENTITY = COAP2_CODE(4, 22), /* RFC 8132 */
    COAP2_429_TOO_MANY_REQUESTS = COAP2_CODE(4, 29),    /* RFC 8516 */

    COAP2_500_INTERNAL_SERVER_ERROR = COAP2_CODE(5, 0),
    COAP2_501_NOT_IMPLEMENTED = COAP2_CODE(5, 1),
    COAP2_502_BAD_GATEWAY = COAP2_CODE(5, 2),
    COAP2_503_SERVICE_UNAVAILABLE = COAP2_CODE(5, 3),
    COAP2_504_GATEWAY_TIMEOUT = COAP2_CODE(5, 4),
    COAP2_505_PROXYING_NOT_SUPPORTED = COAP2_CODE(5, 5),
    COAP2_508_HOP_LIMIT_REACHED = COAP2_CODE(5, 8), /* RFC 8768 */

    COAP2_701_CSM = COAP2_CODE(7, 1), /* signals of streams, RFC 8323 */
    COAP2_702_PING = COAP2_CODE(7, 2),
    COAP2_703_PONG = COAP2_CODE(7, 3),
    COAP2_704_RELEASE = COAP2_CODE(7, 4),
    COAP2_705_ABORT = COAP2_CODE(7, 5)
};

/* ==== @options: option numbers and what their bits say =================== */

enum {
    COAP2_OPT_IF_MATCH = 1,
    COAP2_OPT_URI_HOST = 3,
    COAP2_OPT_ETAG = 4,
    COAP2_OPT_IF_NONE_MATCH = 5,
    COAP2_OPT_OBSERVE = 6, /* RFC 7641 */
    COAP2_OPT_URI_PORT = 7,
    COAP2_OPT_LOCATION_PATH = 8,
    COAP2_OPT_OSCORE = 9, /* RFC 8613 */
    COAP2_OPT_URI_PATH = 11,
    COAP2_OPT_CONTENT_FORMAT = 12,
    COAP2_OPT_MAX_AGE = 14,
    COAP2_OPT_URI_QUERY = 15,
    COAP2_OPT_HOP_LIMIT = 16, /* RFC 8768 */
    COAP2_OPT_ACCEPT = 17,
    COAP2_OPT_Q_BLOCK1 = 19, /* RFC 9177 */
    COAP2_OPT_LOCATION_QUERY = 20,
    COAP2_OPT_EDHOC = 21,    /* RFC 9668 */
    COAP2_OPT_BLOCK2 = 23,   /* RFC 7959 */
    COAP2_OPT_BLOCK1 = 27,   /* RFC 7959 */
    COAP2_OPT_SIZE2 = 28,    /* RFC 7959 */
    COAP2_OPT_Q_BLOCK2 = 31, /* RFC 9177 */
    COAP2_OPT_PROXY_URI = 35,
    COAP2_OPT_PROXY_SCHEME = 39,
    COAP2_OPT_SIZE1 = 60,
    COAP2_OPT_ECHO = 252,        /* RFC 9175 */
    COAP2_OPT_NO_RESPONSE = 258, /* RFC 7967 */
    COAP2_OPT_REQUEST_TAG = 292  /* RFC 9175 */
};

/* Options of signals: their numbers have a meaning of their own under each
   code 7.xx (RFC 8323 5). */
enum {
    COAP2_CSM_MAX_MESSAGE_SIZE = 2,
    COAP2_CSM_BLOCK_WISE_TRANSFER = 4,
    COAP2_PING_CUSTODY = 2, /* of Ping and Pong */
    COAP2_RELEASE_ALTERNATIVE_ADDRESS = 2,
    COAP2_RELEASE_HOLD_OFF = 4,
    COAP2_ABORT_BAD_CSM_OPTION = 2
};

/* What the bits of a number say (RFC 7252 5.4.6): an endpoint must understand
   a critical option; a proxy must understand an unsafe one; a cache leaves a
   no-cache-key one out of its key. */
#define COAP2_OPT_IS_CRITICAL(number) (((number)&1u) != 0u)
#define COAP2_OPT_IS_UNSAFE(number) (((number)&2u) != 0u)
#define COAP2_OPT_IS_NO_CACHE_KEY(number) (((number)&0x1eu) == 0x1cu)

/* One option of a message that was parsed. The value is not NUL-terminated;
   it is not NULL, also where it is empty. */
typedef struct coap2_opt {
    const uint8_t *value;
    size_t length;
    uint16_t number;
    const uint8_t *end; /* of the message: for coap2_opt_next */
} coap2_opt;

/* Step to the next option. Start with a copy of msg.options; false at the end.
   Options come in the order of their numbers. Cannot fail on the way, since
   the message was checked whole when it was parsed. */
COAP2_DEF bool coap2_opt_next(coap2_opt *opt);

/* Read a number, with or without leading zeros (RFC 7252 3.2). False if the
   value is longer than four bytes; the number is then unchanged. */
COAP2_DEF bool coap2_opt_uint(const coap2_opt *opt, uint32_t *number);

/* Compare the value, byte by byte, with a NUL-terminated text. */
COAP2_DEF bool coap2_opt_is(const coap2_opt *opt, const char *text);

enum { COAP2_OPAQUE, COAP2_UINT, COAP2_STRING, COAP2_EMPTY };

/* What the RFCs say of an option's value. */
typedef struct coap2_opt_form {
    uint16_t number, max; /* length, from min to max bytes   */
    uint8_t min, kind;    /* COAP2_OPAQUE ... COAP2_EMPTY    */
    bool repeats;         /* may stand more than once        */
} coap2_opt_form;

/* Look up an option's form by number. False if this library does not know the
   number. A value of another length makes an option unrecognised (5.4.3). */
COAP2_DEF bool coap2_opt_known(uint16_t number, coap2_opt_form *form);

/* ==== @formats: content formats ========================================== */

enum {
    COAP2_FORMAT_TEXT = 0,
    COAP2_FORMAT_LINKS = 40,
    COAP2_FORMAT_XML = 41,
    COAP2_FORMAT_OCTETS = 42,
    COAP2_FORMAT_EXI = 47,
    COAP2_FORMAT_JSON = 50,
    COAP2_FORMAT_JSON_PATCH = 51,  /* RFC 8132 */
    COAP2_FORMAT_MERGE_PATCH = 52, /* RFC 8132 */
    COAP2_FORMAT_CBOR = 60,
    COAP2_FORMAT_EDHOC = 64,     /* edhoc+cbor-seq, used by RFC 9668 */
    COAP2_FORMAT_CID_EDHOC = 65, /* cid-edhoc+cbor-seq, used by RFC 9668 */
    COAP2_FORMAT_SENML_JSON = 110,
    COAP2_FORMAT_SENML_CBOR = 112,
    COAP2_FORMAT_MISSING_BLOCKS = 272, /* RFC 9177 */
    COAP2_FORMAT_OSCORE = 10001        /* RFC 8613 */
};

/* ==== @message: read a message that arrived ============================== */

/* A view of a message: it points into your bytes. */
typedef struct coap2_msg {
    uint8_t type; /* COAP2_CON ... COAP2_RST */
    uint8_t token_length;
    uint8_t code;
    uint16_t id;
    const uint8_t *token;
    coap2_opt options; /* before the first: copy it, then coap2_opt_next */
    const uint8_t *payload;
    size_t payload_length; /* 0 if there is none */
} coap2_msg;

/* Check a datagram whole and make a view of it; after that, walking the
   options and reading the payload cannot fail. Reads nothing outside the
   bytes. Returns COAP2_OK, COAP2_ERR_VERSION (drop it silently) or
   COAP2_ERR_FORMAT. If the datagram has four bytes and version 1, then type,
   code and id are set also where it is malformed, so that it can be rejected
   (RFC 7252 3, 4.2). Codes of the reserved classes 1, 6 and 7 pass: tell them
   apart with COAP2_CODE_CLASS. */
COAP2_DEF coap2_result coap2_msg_parse(coap2_msg *msg, const uint8_t *bytes,
                                       size_t length);

/* Find the first option of a number. False if there is none. Those of the
   same number follow it: go on with coap2_opt_next. */
COAP2_DEF bool coap2_msg_find(const coap2_msg *msg, uint16_t number,
                              coap2_opt *opt);

/* ==== @writer: write a message or a body ================================= */

/* A writer over your buffer. It never writes a byte outside it. After the
   first error every call does nothing; coap2_write_end then returns 0 and
   error says why. */
typedef struct coap2_writer {
    uint8_t *start, *end; /* your buffer */
    uint8_t *next;        /* behind what has been written */
    uint8_t *options;     /* the first option */
    uint8_t *value;       /* the value of the option written last */
    size_t payload_size;  /* of the payload so far, with its marker */
    uint16_t last;        /* the highest option number so far */
    coap2_result error;
    size_t window_room;   /* bytes of the body's window still to come */
    uint32_t window_at;   /* where the window begins in the body */
    uint32_t body_length; /* of the body so far, kept or dropped */
} coap2_writer;

/* Begin in a buffer of yours, which must outlive the writer. */
COAP2_DEF void coap2_write_start(coap2_writer *w, void *buffer, size_t size);

/* Write the first four bytes and the token. Call it once, right after
   coap2_write_start. COAP2_ERR_ARG: a type above 3, a token of more than 8
   bytes, or one on an Empty message (RFC 7252 4.1). */
COAP2_DEF void coap2_write_header(coap2_writer *w, uint8_t type, uint8_t code,
                                  uint16_t id, const void *token,
                                  uint8_t token_length);

/* Write an option. Any order will do, also after the payload: the writer
   keeps options sorted, and those of one number in the order of the calls.
   Ascending order costs nothing extra. The value must not lie in the buffer
   that is written; where it is NULL, room is left for it at w->value, to be
   filled in before the next call (it is NULL after an error). More than 65,804
   bytes: COAP2_ERR_ARG. */
COAP2_DEF void coap2_write_opt(coap2_writer *w, uint16_t number,
                               const void *value, size_t length);

/* Write an option that is a number, in as few bytes as it takes; 0 takes
   none (RFC 7252 3.2). */
COAP2_DEF void coap2_write_uint(coap2_writer *w, uint16_t number,
                                uint32_t value);

/* Write an option that is a NUL-terminated text, without its NUL. */
COAP2_DEF void coap2_write_text(coap2_writer *w, uint16_t number,
                                const char *text);

/* Write payload, all of it or COAP2_ERR_SPACE. The marker is written before
   the first byte, so that an empty payload leaves none. Calls append. */
COAP2_DEF void coap2_write_payload(coap2_writer *w, const void *bytes,
                                   size_t length);

/* Open a window on a body that may be larger than the packet: of all that
   coap2_write_body is then given, `size` bytes from `at` on are kept as
   payload, the others only counted. What falls into the window must fit into
   the buffer, else COAP2_ERR_SPACE. Without this call all of the
   body is kept. */
COAP2_DEF void coap2_write_window(coap2_writer *w, uint32_t at, size_t size);

/* Write the next piece of a body, instead of coap2_write_payload. At the end
   w->body_length tells how long all
   of it is, and coap2_write_more whether any stands behind the window. */
COAP2_DEF void coap2_write_body(coap2_writer *w, const void *bytes,
                                size_t length);
COAP2_DEF bool coap2_write_more(const coap2_writer *w);

/* The length of the message, or 0 after an error. */
COAP2_DEF size_t coap2_write_end(const coap2_writer *w);

/* ==== @block: the value of a Block option ================================ */

/* Block `number` of a body that is cut into pieces of 16 << szx bytes, with
   more behind it or not (RFC 7959 2.2). */
typedef struct coap2_block {
    uint32_t number; /* 0 to 1,048,575 */
    uint8_t szx;     /* 0 to 6: 16 to 1024 bytes */
    bool more;
} coap2_block;

#define COAP2_BLOCK_SIZE(block) ((uint16_t)(16u << (block).szx))
#define COAP2_BLOCK_AT(block) ((uint32_t)((block).number << ((block).szx + 4)))

/* Read a Block option. COAP2_ERR_FORMAT for SZX 7, which is reserved, and for
   a value of more than three bytes. */
COAP2_DEF coap2_result coap2_block_read(coap2_block *block,
                                        const coap2_opt *opt);

/* Set a block from its place in the body. COAP2_ERR_ARG if szx is not 0 to 6,
   if the place is not a multiple of the size, or beyond block 1,048,575. */
COAP2_DEF coap2_result coap2_block_set(coap2_block *block, uint32_t at,
                                       uint8_t szx, bool more);

/* Write a Block option; a block that cannot be said is COAP2_ERR_ARG. */
COAP2_DEF void coap2_write_block(coap2_writer *w, uint16_t number,
                                 const coap2_block *block);

/* ==== @uri: URIs to options and back, paths ============================== */

/* Compare the path of a request with one like "a/b", segment by segment,
   without copying or decoding. A slash before it does not matter, one behind
   it is an empty segment; "" is the root. A star as the last segment stands for
   one segment or more: "a/" and a star is all that is below a. The path is a
   literal, and stays in
   flash on AVR. */
#define coap2_msg_path_is(msg, literal) \
    coap2_msg_path_equals((msg), COAP2_TEXT(literal))
COAP2_DEF bool coap2_msg_path_equals(const coap2_msg *msg,
                                     const char *flash_path);

#if COAP2_WITH_URI

enum {
    COAP2_SCHEME_COAP = 0,
    COAP2_SCHEME_COAPS = 1,
    COAP2_SCHEME_COAP_TCP = 2,
    COAP2_SCHEME_COAPS_TCP = 3,
    COAP2_SCHEME_COAP_WS = 4,
    COAP2_SCHEME_COAPS_WS = 5
};

enum {
    COAP2_HOST_NONE, /* a relative reference */
    COAP2_HOST_NAME,
    COAP2_HOST_IPV4,
    COAP2_HOST_IPV6
};

/* A view of a URI's text. The parts are as they were written: not decoded,
   not lower-cased, `.` and `..` in place. */
typedef struct coap2_uri {
    const char *host; /* an IPv6 address: without brackets, with its zone */
    size_t host_length;
    const char *zone; /* of an IPv6 address, behind `%25` or `%`; or NULL */
    size_t zone_length;
    const char *path; /* with its first slash */
    size_t path_length;
    const char *query; /* NULL if there is none; without the `?` */
    size_t query_length;
    size_t fault_at; /* after COAP2_ERR_FORMAT: the byte that is wrong */
    uint16_t port;   /* the scheme's where the text names none */
    uint8_t scheme;  /* COAP2_SCHEME_COAP ... */
    uint8_t kind;    /* COAP2_HOST_NAME ... */
} coap2_uri;

/* Check an absolute URI and make a view of it (RFC 7252 6, RFC 8323 8).
   Errors, each with its place: another scheme, no host, user information, a
   fragment, a bad port, percent sequence, address or byte, an address of a
   future kind ([v1.x]), a segment or argument of more than 255 bytes, a segment
   that decodes to `.` or `..`. After an error the view holds nothing but
   fault_at, and coap2_write_uri refuses it. */
COAP2_DEF coap2_result coap2_uri_parse(coap2_uri *uri, const char *text,
                                       size_t length);

/* The same for a reference without scheme and host: "/temp?x=1", "temp",
   "?x=1" (RFC 3986 4.2). */
COAP2_DEF coap2_result coap2_uri_parse_ref(coap2_uri *uri, const char *text,
                                           size_t length);

/* Get the bytes of an address that the host names: returns 4 or 16, or 0
   where it is a name. */
COAP2_DEF uint8_t coap2_uri_address(const coap2_uri *uri, uint8_t address[16]);

/* Write the options that a request to this URI carries: Uri-Host for a name,
   Uri-Path and Uri-Query (RFC 7252 6.4), decoded, dot segments removed. */
COAP2_DEF void coap2_write_uri(coap2_writer *w, const coap2_uri *uri);

/* Write the URI of a request as text, NUL-terminated, from where it goes and
   the options it carries (RFC 7252 6.5). Of `to`, scheme, host and port are
   read; Uri-Host and Uri-Port of the request overrule them. Proxy-Uri and
   Proxy-Scheme are not looked at. Returns the length, or 0 if it does not fit
   or has no URI: a segment `..`, a value longer than its option may be, a
   relative `to`. */
COAP2_DEF size_t coap2_uri_text(char *text, size_t size, const coap2_uri *to,
                                const coap2_msg *msg);

#endif /* COAP2_WITH_URI */

/* ==== @links: link lists and their filters =============================== */

#if COAP2_WITH_LINKS

/* One link of a list in RFC 6690's format, as a view of your text. */
typedef struct coap2_link {
    const char *target;
    size_t target_length;
    const char *attributes; /* walk them with coap2_link_attrs */
    size_t attributes_length;
    const char *text; /* the whole list */
    size_t length;
    size_t position;    /* behind this link; after an error: the wrong byte */
    coap2_result error; /* COAP2_ERR_FORMAT if the list is malformed */
} coap2_link;

/* An attribute of a link. A flag has no value (NULL). A quoted value is
   without its quotes, but its escapes are still there: coap2_attr_text undoes
   them. */
typedef struct coap2_attr {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
    const char *end; /* for coap2_attr_next */
    bool quoted;
} coap2_attr;

/* The place before the first link, for coap2_link_next. */
COAP2_DEF coap2_link coap2_links(const char *text, size_t length);

/* Step to the next link. False at the end, and where the list is malformed:
   then error is set and position tells where. */
COAP2_DEF bool coap2_link_next(coap2_link *link);

/* Walk a link's attributes, in the order of the text. */
COAP2_DEF coap2_attr coap2_link_attrs(const coap2_link *link);
COAP2_DEF bool coap2_attr_next(coap2_attr *attr);

/* Find an attribute by its NUL-terminated name. */
COAP2_DEF bool coap2_link_find(const coap2_link *link, const char *name,
                               coap2_attr *attr);

/* Copy an attribute's value with its escapes undone, as much as fits, without
   a NUL. Returns the length that the value has. */
COAP2_DEF size_t coap2_attr_text(const coap2_attr *attr, char *text,
                                 size_t size);

/* Match a link against a filter such as `rt=temp*` (RFC 6690 4.1), given
   without `?` and decoded, as Uri-Query carries it. rt, if, rel, rev and ct
   are lists of which one member will do; href is the target; others match as
   a whole. A `*` at the end stands for anything; a name alone matches every
   link that has it, an empty filter every link. A flag counts as empty. */
COAP2_DEF bool coap2_link_matches(const coap2_link *link, const char *query,
                                  size_t length);

/* Write a link, then its attributes, as a body: through the window of the
   writer, with the comma between links. A value of NULL makes a flag; others
   are quoted and escaped, but for those that RFC 6690 2 wants bare: hreflang,
   names that end with a star, and numbers in sz and ct. COAP2_ERR_ARG: a
   target, a name or a bare value that could not be read back. */
COAP2_DEF void coap2_write_link(coap2_writer *w, const char *target,
                                size_t length);
COAP2_DEF void coap2_write_attr(coap2_writer *w, const char *name,
                                const char *value, size_t length);

#endif /* COAP2_WITH_LINKS */

/* ==== @fields: variables as resources ==================================== */

#if COAP2_WITH_FIELDS

/* A table of fields binds names to your variables. A resource made of one is
   answered, written to and observed without a handler.

       static int16_t temp10;
       static uint8_t hum;
       COAP2_FIELDS(climate_fields,
           COAP2_FIELD("temp", COAP2_I16, temp10, -1),
           COAP2_FIELD("hum", COAP2_U8, hum, 0));

   The last number is the decimal exponent, -9 to 9: temp10 = 215 with -1 is
   21.5. A name has letters, digits, _ and -, COAP2_FIELD_NAME - 1 of them at
   most. A name that is too long, another exponent, or a variable of the wrong
   width does not compile: the compiler names which ("coap2i_the_variable_has_
   not_the_width_of_its_type").

   As text, one field is its value, `21.5`, several are a list, `temp=21.5
   hum=40`. A text in a list stands in double quotes where it is empty, starts
   with one or holds blanks: `at="living room"`; a backslash stands there before
   a quote or another backslash. A bool is true or false. JSON and CBOR are an
   object (map) with a member for each field, in the order of the table. All
   numbers are exact decimals. In CBOR they are integers where 32 bits hold
   them and the field has no decimals, else decimal fractions (RFC 8949 3.4.4).
   The library takes a text as it stands: it does not check its UTF-8. */

/* The low four bits are the width in bytes. */
enum {
    COAP2_U8 = 0x01,
    COAP2_U16 = 0x02,
    COAP2_U32 = 0x04,
    COAP2_I8 = 0x11,
    COAP2_I16 = 0x12,
    COAP2_I32 = 0x14,
    COAP2_BOOL = 0x21,
    COAP2_CHARS = 0x40 /* a NUL-terminated text in a char array */
};

/* A getter computes an integer or bool when it is asked for. Its row says
   which type to read it as. */
typedef int32_t (*coap2_getter_fn)(void);

typedef struct coap2_field {
    char name[COAP2_FIELD_NAME];
    void *variable;
    coap2_getter_fn getter; /* instead of the variable */
    uint16_t size;          /* of the variable */
    uint8_t type;           /* COAP2_U8 ... COAP2_CHARS */
    int8_t exponent;        /* -9 to 9; 0 for bool and text */
    bool writable;
} coap2_field;

/* Rows: to be read; to be read and written; a text; a getter. */
#define COAP2_FIELD(name, type, variable, exponent)                       \
    {                                                                     \
        name, &(variable), NULL, COAP2I_FIELD_SIZE(name, type, variable), \
            type, COAP2I_FIELD_EXPONENT(exponent), false                  \
    }
#define COAP2_FIELD_RW(name, type, variable, exponent)                    \
    {                                                                     \
        name, &(variable), NULL, COAP2I_FIELD_SIZE(name, type, variable), \
            type, COAP2I_FIELD_EXPONENT(exponent), true                   \
    }
#define COAP2_FIELD_TEXT(name, array)                               \
    {                                                               \
        name, array, NULL, COAP2I_FIELD_NAMED(name, sizeof(array)), \
            COAP2_CHARS, 0, false                                   \
    }
#define COAP2_FIELD_TEXT_RW(name, array)                            \
    {                                                               \
        name, array, NULL, COAP2I_FIELD_NAMED(name, sizeof(array)), \
            COAP2_CHARS, 0, true                                    \
    }
#define COAP2_FIELD_GET(name, type, getter, exponent)          \
    {                                                          \
        name, NULL, getter, COAP2I_FIELD_NAMED(name, 0), type, \
            COAP2I_FIELD_EXPONENT(exponent), false             \
    }

/* One, if it holds; else it does not compile, and the compiler says which of
   these names is negative, or incomplete. */
#ifdef __cplusplus
#define COAP2I_CHECK(what)                       \
    extern "C++" template <bool> struct what;    \
    extern "C++" template <> struct what<true> { \
    }
#define COAP2I_CHECKS                                                \
    COAP2I_CHECK(coap2i_the_name_is_longer_than_COAP2_FIELD_NAME);   \
    COAP2I_CHECK(coap2i_the_variable_has_not_the_width_of_its_type); \
    COAP2I_CHECK(coap2i_the_exponent_is_not_from_minus_9_to_9)
COAP2I_CHECKS;
#define COAP2I_HOLDS(what, condition) (sizeof(coap2i_##what<(condition)>) != 0u)
#else
#define COAP2I_HOLDS(what, condition) \
    (sizeof(struct { char coap2i_##what[(condition) ? 1 : -1]; }) != 0u)
#endif
#define COAP2I_FIELD_NAMED(name, size)                             \
    ((size)*COAP2I_HOLDS(the_name_is_longer_than_COAP2_FIELD_NAME, \
                         sizeof(name) <= COAP2_FIELD_NAME))
#define COAP2I_FIELD_SIZE(name, type, variable)               \
    (COAP2I_FIELD_NAMED(name, sizeof(variable)) *             \
     COAP2I_HOLDS(the_variable_has_not_the_width_of_its_type, \
                  sizeof(variable) == ((type)&15u)))
#define COAP2I_FIELD_EXPONENT(exponent)                             \
    ((exponent)*COAP2I_HOLDS(the_exponent_is_not_from_minus_9_to_9, \
                             (exponent) >= -9 && (exponent) <= 9))

#define COAP2_FIELDS(name, ...) \
    static const coap2_field name[] COAP2_FLASH = {__VA_ARGS__}

/* Write fields as a body in a format: text, JSON or CBOR. Another format, or
   one that a knob took out, is COAP2_ERR_ARG and writes nothing. Otherwise it
   returns the writer's error. */
COAP2_DEF coap2_result coap2_fields_write(coap2_writer *w,
                                          const coap2_field *fields,
                                          uint8_t count, uint16_t format);

/* Why a write was refused. The name stands in the payload, as it is written
   there; it is NULL where the payload names none: a value alone, or a payload
   that is malformed before its first name. */
typedef struct coap2_field_fault {
    const char *name;
    size_t name_length;
    const char *flash_why; /* a text for people, in flash on AVR */
} coap2_field_fault;

/* Set variables from a payload in a format: text, `25.5` where there is one
   field, else `temp=25.5 hum=40`; a JSON object; a CBOR map. Members that are
   not named keep their value. All of the payload is checked before any
   variable is set: after COAP2_ERR_FORMAT nothing has changed, and `fault` says
   why ("unknown", "read only", "out of range", "too many decimals", "too long",
   "nested", "named twice", "malformed" ...). Numbers are exact: 25.55 does not
   fit a field of one decimal, but 25.50 does, and 255e-1. A float of CBOR is
   the decimal that its precision shows: 3, 7 or 9 digits. A bool may be 1 or 0,
   too. Where the only field is a text, a text payload is its value, all of it;
   another only field may be named or not, with blanks around it. COAP2_ERR_ARG:
   no such format. */
COAP2_DEF coap2_result coap2_fields_read(const coap2_field *fields,
                                         uint8_t count, uint16_t format,
                                         const uint8_t *bytes, size_t length,
                                         coap2_field_fault *fault);

/* A value, or that there is none: zeros. A text is not copied; it lives as long
   as what it was looked up in. */
typedef struct coap2_value {
    uint8_t kind;    /* COAP2_VALUE_MISSING ... */
    uint8_t form;    /* of a text: 0, as it stands; else the library's own */
    int8_t exponent; /* of a number: magnitude * 10^exponent */
    bool negative;
    uint32_t magnitude; /* of a bool: 0 or 1 */
    const char *text;
    size_t length;
} coap2_value;

enum {
    COAP2_VALUE_MISSING,
    COAP2_VALUE_NUMBER,
    COAP2_VALUE_BOOL,
    COAP2_VALUE_TEXT
};

#else
#define COAP2_FIELDS(name, ...) \
    extern char coap2i_COAP2_FIELDS_needs_COAP2_WITH_FIELDS[-1]
#endif /* COAP2_WITH_FIELDS */

/* ==== @rules: which changes matter ======================================= */

#if COAP2_WITH_RULES

/* A rule says which values are worth a notification: on a server what its
   subscribers asked for; alone it is a small language for conditions.

       temp > 20 and hum < 50            each change while it is so
       when temp > 30 until temp < 28    once, and again after it was below 28
       > 20 and < 30                     the resource's own value: `value`
       delta(temp) >= 0.5 pmin 5         far from what was sent last, and at
                                         most every 5 seconds
       changed(fan) or mode == "auto"
       pmax 60                           every change, and one a minute

       rule   = [ body ] { ("pmin" | "pmax") seconds }
       body   = "when" expr [ "until" expr ]  |  expr
       expr   = term   { ("or"  | "||") term }
       term   = factor { ("and" | "&&") factor }
       factor = ("not" | "!") factor  |  "(" expr ")"  |  test
       test   = [ operand ] ("<"|"<="|">"|">="|"=="|"="|"!="|"<>") operand
              | operand
       operand= number | string | "true" | "false" | field
              | ("changed" | "old" | "delta") [ "(" field ")" ]
       field  = name { ("." | "/") name }

   Numbers are exact decimals of nine digits at most; strings stand in single
   or double quotes, without escapes. What is missing, or of another type than
   what it is compared with, makes a test unknown, and `and`, `or` and `not`
   treat that as SQL does. old(x) is x when something was sent last, delta(x)
   the distance from it, changed(x) whether it differs. A rule has 255 bytes at
   most; COAP2_RULE_DEPTH parentheses may be open at once, and it may ask
   old, delta and changed of COAP2_RULE_OLDS fields. */

/* Why a rule was refused: the first byte is column 1, the end is length + 1. */
typedef struct coap2_rule_fault {
    uint16_t column;
    const char *flash_why; /* a text for people, in flash on AVR */
} coap2_rule_fault;

/* Compile a rule into code of yours, of which the text may go. Returns the
   length of the code, COAP2_ERR_FORMAT, or COAP2_ERR_SPACE where the code does
   not fit; COAP2_RULE_CODE bytes are enough for a text of that length. With a
   table of fields, a name that is not there is an error; without (NULL) it is
   missing when it is looked up. Code made with a table is evaluated with it.

       length = coap2_rule_compile("temp > 20", 9, NULL, 0, code, sizeof code,
                                   &fault);
       if (length < 0) complain(fault.column, fault.flash_why); */
#define COAP2_RULE_CODE(text_length) ((text_length) + (text_length) / 2 + 4)
COAP2_DEF int16_t coap2_rule_compile(const char *text, size_t length,
                                     const coap2_field *fields, uint8_t count,
                                     uint8_t *code, size_t capacity,
                                     coap2_rule_fault *fault);

/* Read a text as a value: a number, true or false, else the text itself. */
COAP2_DEF void coap2_value_read(coap2_value *value, const char *text,
                                size_t length);

/* The field that is looked up. `name` is NULL where it is row `index` of the
   table that the rule was compiled with; else its length is 0 where the
   resource's own value is meant. */
typedef struct coap2_ref {
    const char *name;
    uint8_t length;
    uint8_t index;
    bool old; /* what it was when something was sent last */
} coap2_ref;

/* Fill in a value, which is missing so far. */
typedef void (*coap2_look_fn)(const void *user, coap2_ref field,
                              coap2_value *value);

/* Look up in a table of fields, and in a payload, by its Content-Format: text
   (`21.5`, or a list `temp=21.5 hum=40`), JSON and CBOR by member, of which
   a.b and a/b are nested ones, SenML by the record's name with its base name
   (RFC 8428), the last of several. Another format, and what is malformed,
   nested deeper than COAP2_RULE_DEPTH, or not a number that 32 bits and an
   exponent can say, is missing. Old values are missing in both. */
COAP2_DEF void coap2_look_fields(const void *fields, coap2_ref field,
                                 coap2_value *value);
typedef struct coap2_payload {
    const uint8_t *bytes;
    size_t length;
    uint16_t format; /* none (65535) is text */
} coap2_payload;
COAP2_DEF void coap2_look_payload(const void *payload, coap2_ref field,
                                  coap2_value *value);

/* Evaluate a rule, without time and without what was before: its expression,
   or what stands behind `until` (false where there is none). Compare with
   COAP2_TRUE: unknown is not zero. Bounded stack, and time that is linear in
   the length of the code, but for what the look-up does. */
enum { COAP2_FALSE, COAP2_UNKNOWN, COAP2_TRUE };
COAP2_DEF uint8_t coap2_rule_eval(const uint8_t *code, coap2_look_fn look,
                                  const void *user);
COAP2_DEF uint8_t coap2_rule_until(const uint8_t *code, coap2_look_fn look,
                                   const void *user);

/* The parts that a rule has, as bits; and the milliseconds of pmin or of pmax,
   0 without. */
enum {
    COAP2_RULE_WHEN = 1,
    COAP2_RULE_UNTIL = 2,
    COAP2_RULE_PMIN = 4,
    COAP2_RULE_PMAX = 8
};
COAP2_DEF uint8_t coap2_rule_parts(const uint8_t *code);
COAP2_DEF uint32_t coap2_rule_time(const uint8_t *code, uint8_t part);

/* What is kept of a field for old, delta and changed: a number or bool, the
   first bytes of a text, its length and a hash. */
#define COAP2I_OLD_TEXT (sizeof(void *) < 4 ? 4 : 8)
typedef struct coap2_old {
    uint32_t magnitude; /* of a text, its hash */
    uint16_t length;
    uint8_t kind;
    int8_t exponent;
    bool negative;
    char text[COAP2I_OLD_TEXT];
} coap2_old;

/* A subscriber, as far as its rule goes: what it was sent last, and when. */
typedef struct coap2_trigger {
    uint32_t last; /* ms */
    bool armed;    /* `when` may notify */
    bool waiting;  /* a notification waits for pmin */
    coap2_old olds[COAP2_RULE_OLDS];
} coap2_trigger;

/* Run a rule over time. Begin where the subscriber has its first answer, or one
   to a renewal. Tell of each change, and of time when it has come: both return
   whether to notify now, with the values of now. The clock may wrap; look at it
   once in three weeks. What happens at once is one notification: a change that
   comes when a timer has run out, too, is looked at with it.

       coap2_trigger_begin(&t, code, look, user, now);
       reason = coap2_trigger_change(&t, code, look, user, now);
       reason = coap2_trigger_time(&t, code, look, user, now);
       if (reason != COAP2_QUIET) notify(reason); */
enum {
    COAP2_QUIET,
    COAP2_FIRST, /* the answer to a subscription */
    COAP2_MATCH, /* the rule asked for it */
    COAP2_PERIOD /* of pmax */
};
COAP2_DEF void coap2_trigger_begin(coap2_trigger *trigger, const uint8_t *code,
                                   coap2_look_fn look, const void *user,
                                   uint32_t now_ms);
COAP2_DEF uint8_t coap2_trigger_change(coap2_trigger *trigger,
                                       const uint8_t *code, coap2_look_fn look,
                                       const void *user, uint32_t now_ms);
COAP2_DEF uint8_t coap2_trigger_time(coap2_trigger *trigger,
                                     const uint8_t *code, coap2_look_fn look,
                                     const void *user, uint32_t now_ms);

/* The milliseconds until coap2_trigger_time is to be called; COAP2_FOREVER. */
COAP2_DEF uint32_t coap2_trigger_due(const coap2_trigger *trigger,
                                     const uint8_t *code, uint32_t now_ms);

#endif /* COAP2_WITH_RULES */

/* ==== @peer: who is at the other end ===================================== */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

enum { COAP2_PEER_IPV4 = 1, COAP2_PEER_IPV6, COAP2_PEER_OTHER };

/* An endpoint, as a plain value. A transport fills one in when it receives,
   and reads it when it sends. Bytes of the address that its kind does not use
   are zero. */
typedef struct coap2_peer {
    uint8_t kind;     /* COAP2_PEER_IPV4 ... */
    bool group;       /* came to a multicast group; or: goes to one */
    uint16_t port;    /* in the order of the machine */
    uint16_t arrived; /* the transport's note of where, given back to send */
#if COAP2_ADDRESS_SIZE >= 16
    uint32_t scope; /* the interface of a link-local address */
#endif
    uint8_t address[COAP2_ADDRESS_SIZE];
} coap2_peer;

/* Are they one endpoint? `group` and `arrived` do not count. */
COAP2_DEF bool coap2_peer_equals(const coap2_peer *a, const coap2_peer *b);

#endif

/* ==== @resource: what a server offers ==================================== */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

/* Methods are bits, in tables and in req->method. */
enum {
    COAP2_GET = 1,
    COAP2_POST = 2,
    COAP2_PUT = 4,
    COAP2_DELETE = 8,
    COAP2_FETCH = 16,
    COAP2_PATCH = 32,
    COAP2_IPATCH = 64,
    COAP2_HIDDEN = 128,     /* no method: not listed in /.well-known/core */
    COAP2_OBSERVABLE = 256, /* clients may observe it (RFC 7641) */
    COAP2_PIECES = 512,     /* takes a body in pieces (RFC 7959) */
    COAP2_SEPARATE = 1024   /* answers late, as a rule: for who looks for it */
};

/* No Content-Format, no Accept. */
#define COAP2_NO_FORMAT 0xffffu

#endif

#if COAP2_WITH_SERVER

struct coap2_node;
struct coap2_resource;

/* A request, as its handler sees it. All of it lives until the handler
   returns. */
typedef struct coap2_req {
    struct coap2_node *node;
    const coap2_peer *peer;
    const coap2_msg *msg; /* for coap2_msg_find and coap2_msg_path_is */
    const struct coap2_resource *resource; /* in flash on AVR */
    const uint8_t *payload;
    size_t payload_length;
    uint16_t format; /* Content-Format of the payload, or COAP2_NO_FORMAT */
    uint16_t accept; /* the format that is wanted, or COAP2_NO_FORMAT */
    uint8_t method;  /* COAP2_GET ... */
    bool again;      /* run by the library for itself: only safe methods are */
#if COAP2_WITH_BLOCKS
    bool last;       /* with COAP2_PIECES: this payload ends the body, */
    uint32_t offset; /* and stands here in it */
    coap2_block block1, block2; /* the library's own, as what follows */
    bool kept;
#endif
    uint8_t silent;
    uint16_t flags;
#if COAP2_WITH_LATER
    int16_t ticket;
#endif
} coap2_req;

/* The answer that a handler makes. Set fields, write options and the body in
   any order; the library sorts them. */
typedef struct coap2_rsp {
    coap2_writer w;      /* for coap2_write_opt and coap2_write_body */
    uint32_t max_age;    /* seconds; 60 is what CoAP assumes, and not sent */
    uint16_t format;     /* of the body, or COAP2_NO_FORMAT */
    uint8_t etag_length; /* 0: none */
    uint8_t etag[8];
    /* The rest is the library's own. */
#if COAP2_WITH_OBSERVE
    bool observed;
    uint32_t sequence;
#endif
#if COAP2I_SUBSCRIBES
    bool marked;
    uint32_t subscription;
#endif
#if COAP2_WITH_BLOCKS
    uint32_t total;
#endif
#if COAP2_WITH_LATER
    struct coap2_node *node; /* of a late answer */
    int16_t ticket;
#endif
} coap2_rsp;

/* Answer a request: write the body and return a code, COAP2_205_CONTENT, say,
   or COAP2_LATER. Message ids, tokens, the order of options, acknowledgements
   and duplicates are the library's. So are these answers: 4.05 for a method
   that the resource does not have, 4.06 where a GET or FETCH was answered in
   another format than Accept wants, 2.03 where the client has this ETag
   already, 4.12, and 5.00 where the answer does not fit the packet. An error's
   body is a diagnostic for people. Of other methods req->accept is yours to
   look at. A request that comes again is not handled again, but for GET and
   FETCH: of its answer COAP2_REPLY_SIZE bytes behind the token are kept;
   if that is too little, the payload is left out, then the options. */
typedef uint8_t (*coap2_handler_fn)(coap2_req *req, coap2_rsp *rsp);

enum { COAP2_LATER = 0 };

typedef struct coap2_resource {
    const char *path;       /* "a/b"; "a/" and a star: all that is below a */
    const char *attributes; /* of its link, without the first semicolon */
    coap2_handler_fn handler;
#if COAP2_WITH_FIELDS
    const coap2_field *fields;
    void (*on_write)(coap2_req *req);
    uint8_t field_count;
#endif
    uint16_t methods;
} coap2_resource;

/* Declare resources and the table of them; all of it stays in flash. Of two
   rows that match a path the first is asked.

       COAP2_RESOURCE(fan, "fan", COAP2_GET | COAP2_PUT, on_fan, "rt=\"fan\"");
       COAP2_BOUND(climate, "climate", 0, climate_fields, "rt=\"climate\"");
       COAP2_TABLE(things, &fan, &climate);

   COAP2_BOUND makes a resource of a table of fields: GET, and PUT, PATCH and
   iPATCH if one of them may be written; its flags are 0 or COAP2_HIDDEN. What
   cannot be written changes nothing and is 4.00, with the name and the reason.
   COAP2_BOUND_WRITE calls a function of yours after a write. COAP2_DECLARE
   names a resource that stands in another file. */
#define COAP2_DECLARE(name) extern const coap2_resource name
#define COAP2_RESOURCE(name, path, methods, handler, attributes)          \
    COAP2I_ROW(name, path, attributes) = {name##_path, name##_attributes, \
                                          handler, COAP2I_NO_FIELDS(methods)}
#define COAP2_BOUND(name, path, flags, fields, attributes) \
    COAP2_BOUND_WRITE(name, path, flags, fields, attributes, NULL)
#define COAP2_BOUND_WRITE(name, path, flags, fields, attributes, on_write) \
    COAP2I_ROW(name, path, attributes) = {                                 \
        name##_path,                                                       \
        name##_attributes,                                                 \
        coap2_on_bound,                                                    \
        fields,                                                            \
        on_write,                                                          \
        (uint8_t)(sizeof(fields) / sizeof(fields)[0]),                     \
        (flags) | COAP2_GET | COAP2_PUT | COAP2_PATCH | COAP2_IPATCH}
#define COAP2_TABLE(name, ...) \
    static const coap2_resource *const name[] COAP2_FLASH = {__VA_ARGS__, NULL}

/* A path stands behind the slash of its link. C cannot look into a literal when
   it compiles; there coap2_start tells, where COAP2_WITH_STRINGS is 1. */
#ifdef __cplusplus
#define COAP2I_NO_SLASH(path)       \
    static_assert((path)[0] != '/', \
                  "coap2: a path begins without a slash: \"fan\"");
#else
#define COAP2I_NO_SLASH(path)
#endif

/* A row, with its texts as arrays of their own: a literal in it would take
   RAM on AVR. */
#define COAP2I_ROW(name, path, attributes)                          \
    COAP2I_NO_SLASH(path)                                           \
    static const char name##_path[] COAP2_FLASH = path;             \
    static const char name##_attributes[] COAP2_FLASH = attributes; \
    COAP2_DECLARE(name);                                            \
    const coap2_resource name COAP2_FLASH
#if COAP2_WITH_FIELDS
#define COAP2I_NO_FIELDS(methods) NULL, NULL, 0, methods
/* The handler of bound resources. */
COAP2_DEF uint8_t coap2_on_bound(coap2_req *req, coap2_rsp *rsp);
#else
#define COAP2I_NO_FIELDS(methods) methods
#endif

/* Compare the payload with a literal. A payload whose Content-Format is not
   text equals none, and a 4.00 that follows becomes 4.15. */
#define coap2_req_text_is(req, literal) coap2_req_is((req), COAP2_TEXT(literal))
COAP2_DEF bool coap2_req_is(coap2_req *req, const char *flash_text);

/* Append to the body: a literal, as text; bytes of some format. */
#define coap2_rsp_text(rsp, literal) coap2_rsp_flash((rsp), COAP2_TEXT(literal))
COAP2_DEF void coap2_rsp_flash(coap2_rsp *rsp, const char *flash_text);
COAP2_DEF void coap2_rsp_bytes(coap2_rsp *rsp, uint16_t format,
                               const void *bytes, size_t length);

/* Name the state that the body shows, in 1 to 8 bytes; more are cut. A client
   that has it already is told so (2.03), without the body. If-Match and
   If-None-Match are decided before a handler runs, by running it for a GET
   with req->again set: its code tells whether there is anything, its ETag which
   state (RFC 7252 5.10.6, 5.10.8). */
COAP2_DEF void coap2_rsp_etag(coap2_rsp *rsp, const void *etag, size_t length);

#if COAP2_WITH_BLOCKS

/* A body may be larger than the packet: of all that a handler writes, the block
   that was asked for is kept, and the handler runs again for the next one. Name
   the state by an ETag, so that a client notices a body that changes in
   between. A handler that can seek asks which bytes are wanted, says how long
   all of the body is, and writes just these: returns how many, from *at on.

       size = coap2_rsp_window(rsp, file_size, &at);
       coap2_rsp_bytes(rsp, COAP2_FORMAT_OCTETS, file + at, size);

   Only a GET or FETCH is run again. Another method's answer that does not fit a
   packet is kept in node.bodies, where there is place, else it is 5.00. */
COAP2_DEF size_t coap2_rsp_window(coap2_rsp *rsp, uint32_t total, uint32_t *at);

/* A request's body that comes in blocks is put together in node.bodies, and the
   handler sees all of it. A resource with COAP2_PIECES is handed each block
   instead, with req->offset and req->last; what it returns for one that is not
   the last is not sent if it is a 2.xx. Blocks that are missing, out of order
   or of another Content-Format are 4.08, a body that is too large 4.13. */

#endif

#if COAP2_WITH_OBSERVE

/* Tell that a resource with COAP2_OBSERVABLE has another state now. Its
   observers are sent it at the next poll, by running its handler for a GET with
   req->again set. A 2.xx to a request other than GET and FETCH tells so by
   itself. A client that asked by a confirmable request is notified by
   confirmable messages, and dropped if it does not acknowledge them; others by
   non-confirmable ones, three seconds apart on average, and once a day by a
   confirmable one (RFC 7641 4.5). An error ends the observation.

   A client that subscribes sends a rule (@rules), and is notified when that
   asks for it. The rule reads the fields of a bound resource, and `value` where
   there is one field only; of others it reads what their handler answers, up to
   a packet. A rule that is malformed, larger than COAP2_RULE_SIZE, or about a
   field that is not there, is 4.00 with the column and the reason. The
   parameters of draft-ietf-core-conditional-attributes (c.gt, c.lt, c.st,
   c.band, c.edge, c.pmin, c.pmax, c.epmin, c.epmax, c.con) in the query of an
   observing GET are a rule about `value`. What changes without your telling is
   not seen. */
COAP2_DEF void coap2_changed(struct coap2_node *node,
                             const struct coap2_resource *resource);

#endif

#if COAP2_WITH_LATER

/* Answer later: keep the ticket, return COAP2_LATER, and make the answer when
   it is known. The empty ACK leaves by itself after COAP2_ACK_DELAY, or when
   the request comes again; the answer is then a confirmable message of its own
   (RFC 7252 5.2.2). COAP2_ERR_FULL: no free exchange; answer 5.03, then.

       ticket = coap2_later(req);
       return ticket < 0 ? COAP2_503_SERVICE_UNAVAILABLE : COAP2_LATER;
       ...
       coap2_answer_start(&rsp, &node, ticket);
       coap2_rsp_text(&rsp, "done");
       coap2_answer_send(&rsp, COAP2_204_CHANGED);

   A ticket that nobody answers keeps its exchange; answer 5.03, if need be.
   COAP2_ERR_ARG: no such ticket. COAP2_ERR_SPACE: the answer did not fit, and
   5.00 was sent. */
COAP2_DEF int16_t coap2_later(coap2_req *req);
COAP2_DEF coap2_result coap2_answer_start(coap2_rsp *rsp,
                                          struct coap2_node *node,
                                          int16_t ticket);
COAP2_DEF coap2_result coap2_answer_send(coap2_rsp *rsp, uint8_t code);

/* The three in one. */
COAP2_DEF coap2_result coap2_answer(struct coap2_node *node, int16_t ticket,
                                    uint8_t code, uint16_t format,
                                    const void *bytes, size_t length);

#endif /* COAP2_WITH_LATER */

#endif /* COAP2_WITH_SERVER */

/* ==== @node: an endpoint ================================================= */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

/* Send a datagram: COAP2_OK, COAP2_ERR_AGAIN (not now: it is kept, and tried
   at the next poll) or COAP2_ERR_SEND. Must not call the node. */
typedef coap2_result (*coap2_send_fn)(void *io, const coap2_peer *to,
                                      const uint8_t *bytes, size_t length);

/* Receive a datagram without waiting: its true size, also where it is more
   than fits and was cut, or COAP2_ERR_AGAIN if there is none. `from` is all
   zero. Must not call the node. */
typedef int32_t (*coap2_recv_fn)(void *io, coap2_peer *from, uint8_t *bytes,
                                 size_t size);

#if COAP2_WITH_CLIENT

/* What became of a request. */
typedef struct coap2_reply {
    struct coap2_node *node;
    void *user;
    const coap2_peer *peer; /* who answered; else whom we asked */
    const coap2_msg *msg; /* the answer, until the callback returns; or NULL */
    int16_t request;      /* what coap2_call_send returned */
    coap2_result result;  /* COAP2_OK: answered; else why not */
    bool more;            /* this is not the end: others may follow */
#if COAP2I_SUBSCRIBES
    uint8_t reason; /* of a subscription's news: COAP2_FIRST, COAP2_MATCH ... */
#endif
#if COAP2_WITH_BLOCKS
    bool last;       /* this payload ends the body, */
    uint32_t offset; /* and stands here in it */
    uint32_t total;  /* length of the body where it is known; else 0 */
#endif
} coap2_reply;

/* Runs exactly once for each request, after which its handle means nothing.
   Before that it runs with `more` set: for each answer of a group, which ends
   with COAP2_ERR_TIMEOUT at the deadline; for each piece of a body but the
   last; and for each notification. An offset of 0 starts a body anew. Results:
   COAP2_OK, COAP2_ERR_TIMEOUT, COAP2_ERR_RESET (the peer rejected it),
   COAP2_ERR_CANCELLED, COAP2_ERR_FORMAT (an option in the answer is critical
   and unknown, RFC 7252 5.4.1, or blocks do not fit together),
   COAP2_ERR_SPACE (the answer did not fit node.in or call.body) and what `send`
   returned. */
typedef void (*coap2_reply_fn)(const coap2_reply *reply);

#endif

#if COAP2_WITH_CLIENT && COAP2_WITH_BLOCKS

/* Give `size` bytes of a request's body, from `at` on: all of them. */
typedef void (*coap2_pull_fn)(void *user, uint32_t at, uint8_t *bytes,
                              size_t size);

#endif

/* A message that waits for its time, its acknowledgement or its answer. The
   library's own. Its packet is in a slot of node.out. */
typedef struct coap2_exchange {
    coap2_peer peer;
    uint32_t due; /* when something happens next */
    uint16_t length;
    uint8_t state;
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER
    uint8_t tries, token_length, code;
    uint16_t flags, id;
    int16_t handle;
#endif
#if COAP2_WITH_CLIENT
    coap2_reply_fn reply;
    void *user;
    uint32_t deadline;
    uint32_t patience; /* the deadline of each message, in ms */
#endif
#if COAP2_WITH_CLIENT && COAP2_WITH_BLOCKS
    coap2_pull_fn pull;
    uint32_t pull_length;
    uint8_t *body; /* the caller's, for the answer */
    size_t body_size;
    uint32_t offset; /* of the block under way */
    uint8_t szx, most_szx, restarts, etag_length;
#endif
    /* what follows lies beyond what AVR reaches by one instruction */
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER
    uint32_t timeout; /* of the transmission under way */
    uint8_t token[8];
#endif
#if COAP2_WITH_LATER && COAP2_REPLY_LIMIT
    uint16_t limit; /* of a late answer's length */
#endif
#if COAP2_WITH_CLIENT
    uint32_t sent;
#endif
#if COAP2_WITH_CLIENT && COAP2_WITH_OBSERVE
    uint32_t sequence, heard; /* of the freshest notification, and when */
    uint32_t until;           /* when it is not fresh any more */
    uint8_t watch_length;
    uint8_t watch[8]; /* the token of the observation */
#endif
#if COAP2I_FINDS
    uint16_t found; /* nodes, of which a hash stands behind the packet */
#endif
#if COAP2_WITH_CLIENT && COAP2I_SUBSCRIBES
    uint32_t subscription; /* its id, if the server knows rules */
    uint32_t seen;         /* a hash of the payload that came last */
    uint32_t wake;         /* when the rule wants to be asked without news */
    uint8_t reason;
    coap2_trigger trigger; /* where the server does not know rules */
#endif
#if COAP2_WITH_CLIENT && COAP2_WITH_BLOCKS
    uint32_t total;
    uint8_t etag[8];
#endif
} coap2_exchange;

/* A message that was handled, for when it comes again. The library's own. */
typedef struct coap2_duplicate {
    coap2_peer peer;
    uint32_t until;
    uint16_t id;
    uint16_t token; /* a hash of it */
    bool used;
    uint8_t code;   /* of the answer, */
    uint8_t length; /* and what followed its token */
    uint8_t bytes[COAP2_REPLY_SIZE];
} coap2_duplicate;

#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE

/* One who observes a resource. The library's own. */
typedef struct coap2_observer {
    coap2_peer peer;
    uint32_t due;      /* retransmission; else the daily message */
    uint32_t sequence; /* of the confirmable notification under way; or when the
                          last one left that was not confirmable */
    uint16_t id;       /* of the notification that was sent last */
    uint16_t timeout;  /* of the first transmission */
    uint16_t format;
    uint8_t flags, tries, row, code, token_length, options_length;
    uint8_t payload_length; /* of a FETCH, behind the options */
    uint8_t token[8];
    uint8_t options[COAP2_OBSERVE_OPTIONS];
#if COAP2I_SUBSCRIBES
    uint8_t news;          /* what has come up since it was sent something */
    uint16_t request;      /* id of the one that began or renewed it */
    uint32_t looked;       /* when the rule was held against the state */
    uint32_t subscription; /* its id, where one was asked for */
    coap2_trigger trigger;
    uint8_t rule[COAP2_RULE_SIZE];
#endif
} coap2_observer;

#endif

#if COAP2_WITH_SERVER && COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS

/* A body that arrives, or an answer that leaves, in blocks. The library's
   own. */
typedef struct coap2_upload {
    coap2_peer peer;
    uint32_t key;    /* a hash of the options that tell bodies apart */
    uint32_t length; /* so far; 0: free */
    uint32_t touched;
    uint16_t format;
    uint16_t id; /* of the request whose answer is kept: what follows is its */
    uint32_t max_age;
    size_t options; /* bytes of them, before the body */
    uint16_t last;  /* number of the last of them */
    uint8_t code;   /* 0: a body that arrives */
} coap2_upload;

#endif

#if COAP2I_FINDS

/* Where a name was found. The library's own. */
typedef struct coap2_place {
    coap2_peer peer;
    uint32_t name; /* a hash of it */
    uint32_t until;
    int16_t search; /* the request that found it */
    bool used;
} coap2_place;

#endif

#if COAP2_FLOOD_LIMIT

/* A client whose requests are counted. The library's own. */
typedef struct coap2_visitor {
    coap2_peer peer;
    uint32_t since;
    uint16_t requests;
} coap2_visitor;

#endif

/* An endpoint, server and client at once. Zero it (a global is zero), set what
   stands in the first part, and call coap2_start.

   It is plain memory without pointers into itself: save it before a deep sleep,
   outside of its callbacks, `out` as well, where messages may wait, and where
   bodies may, `bodies` and the buffers of requests under way. What wakes up
   restores all in the same place, sets the first part once more, and polls
   instead of starting: observers, duplicates, message ids and the generator go
   on.

       kept.node = node; kept.check = sum_of(&kept.node, sizeof kept.node);
       deep_sleep();
       ...
       if (kept.check == sum_of(&kept.node, sizeof kept.node)) {
           node = kept.node;
           kept.check = ~kept.check;
           set_first_part(&node);
       } else {
           set_first_part(&node);
           coap2_start(&node, random_seed());
       }

   Restore it once only: who goes on from the same bytes twice repeats message
   ids and tokens. The clock of coap2_poll has to go on from where it was, with
   the time that was slept; where that is not known, it may be slow. A request
   waits on with the addresses of its callback: another program, or one with
   other knobs, must start instead. examples/arduino/LowPower does all of
   this.

   `out` is cut into slots of `packet` bytes: one to write in, and one for each
   message that waits: requests, late answers, answers to a group. */
typedef struct coap2_node {
    const char *name; /* "node1.local", by which it is found; or NULL */
    coap2_send_fn send;
    coap2_recv_fn recv; /* NULL where packets are pushed by coap2_input */
    void *io;           /* for the callbacks */
    uint8_t *in, *out;
    size_t in_size, out_size;
    size_t packet; /* 0: COAP2_PACKET, or all of out if that is less */
#if COAP2_WITH_SERVER
    const coap2_resource *const *resources; /* COAP2_TABLE; NULL: none, where
                                               COAP2_WITH_CLIENT is 1 */
#if COAP2_WITH_BLOCKS
    uint8_t *bodies;    /* where bodies are put together, each in its share: */
    size_t bodies_size; /* a COAP2_MAX_UPLOADS-th of all; NULL: nowhere */
#endif
#endif
    uint32_t (*random)(void *io); /* instead of the node's own; or NULL */
#if COAP2_WITH_SERVER && COAP2_WITH_DISCOVERY
    bool no_groups; /* the transport cannot tell that a request came to a group:
                       a search that is not confirmable is taken for one */
#endif
#if COAP2_WITH_LOG
    void (*log)(void *io, const char *what, const coap2_peer *peer);
#endif
#if COAP2_WITH_CLIENT
    /* For coap2_wait: the time, and something to do for so long at most. */
    uint32_t (*now)(void *io);
    void (*idle)(void *io, uint32_t ms);
    /* Find the address of a host that is a name, or an IPv6 address with a
       zone that is no number. False if there is none. */
    bool (*resolve)(void *io, const char *host, size_t length,
                    coap2_peer *peer);
#endif

    /* RFC 7252 4.8. Start sets those that are 0 from the knobs; they may be
       changed at any time. */
    uint16_t leisure;           /* ms */
    uint16_t exchange_lifetime; /* seconds */
    uint16_t non_lifetime;      /* seconds */
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER || COAP2_WITH_OBSERVE
    uint16_t ack_timeout;   /* ms; by chance up to random_factor, or 65535 */
    uint16_t random_factor; /* percent */
    uint8_t max_retransmit;
#endif
#if COAP2_WITH_CLIENT
    uint8_t nstart;
    uint16_t probing_rate; /* bytes a second */
#endif

    /* From here on the library's own. next_id may be carried over a loss of
       power: read it before, set it after coap2_start. */
    uint16_t next_id;
    uint32_t time;
    uint8_t slots;
    bool inside; /* a callback is running */
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER
    int16_t last_handle;
#endif
#if COAP2_WITH_CLIENT
    int16_t waited;
    coap2_result waited_result;
#endif
#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE
    uint32_t sequence;
#endif
    uint32_t key[4], count;
    coap2_exchange exchanges[COAP2_MAX_EXCHANGES];
    coap2_duplicate duplicates[COAP2_MAX_DUPLICATES];
#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE
    coap2_observer observers[COAP2_MAX_OBSERVERS];
#endif
#if COAP2_WITH_SERVER && COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS
    coap2_upload uploads[COAP2_MAX_UPLOADS];
#endif
#if COAP2I_FINDS
    coap2_place places[COAP2_MAX_NAMES];
#endif
#if COAP2_FLOOD_LIMIT
    coap2_visitor visitors[COAP2_MAX_DUPLICATES];
#endif
} coap2_node;

/* Start, or start again, once the first part is set. The seed must differ from
   start to start and from node to node: with a poor one others can guess
   tokens and message ids, and answer in a server's name. COAP2_ERR_CONFIG: a
   buffer, a callback or a table is missing or too small, or this file was
   compiled with other knobs than the implementation; coap2_start_why tells
   which. A node that was not started does nothing. */
#define COAP2I_KNOBS                                                        \
    ((uint16_t)(COAP2_WITH_SERVER + COAP2_WITH_CLIENT * 2ul +               \
                COAP2_WITH_LATER * 4ul + COAP2_WITH_LOG * 8ul +             \
                COAP2_WITH_FIELDS * 16ul + COAP2_WITH_ECHO * 32ul +         \
                COAP2_WITH_JSON * 64ul + COAP2_WITH_CBOR * 128ul +          \
                COAP2_MAX_EXCHANGES * 67ul + COAP2_MAX_DUPLICATES * 131ul + \
                COAP2_REPLY_SIZE * 257ul + COAP2_ADDRESS_SIZE * 521ul +     \
                COAP2_FIELD_NAME * 1031ul + COAP2_FLOOD_LIMIT * 2053ul +    \
                COAP2_WITH_RULES * 17ul + COAP2_WITH_DISCOVERY * 19ul +     \
                COAP2_RULE_DEPTH * 23ul + COAP2_WITH_OBSERVE * 29ul +       \
                COAP2_REPLY_LIMIT * 4099ul + COAP2_TOKEN_LENGTH * 8209ul))
#define coap2_start(node, seed) \
    coap2_start_as((node), (seed), (uint16_t)sizeof *(node), COAP2I_KNOBS)
/* The name that a linker complains about where COAP2_IMPLEMENTATION is in no
   file. */
#define coap2_start_as coap2_start_of_the_file_with_COAP2_IMPLEMENTATION
COAP2_DEF coap2_result coap2_start_as(coap2_node *node, uint32_t seed,
                                      uint16_t node_size, uint16_t knobs);

/* Say why coap2_start refuses a node: a text for people, in flash on AVR, which
   Serial.println takes as a (const __FlashStringHelper *). NULL if it would
   not. */
#define coap2_start_why(node) \
    coap2_start_why_as((node), (uint16_t)sizeof *(node), COAP2I_KNOBS)
COAP2_DEF const char *coap2_start_why_as(const coap2_node *node,
                                         uint16_t node_size, uint16_t knobs);

/* Mix up to 16 bytes of chance into the generator, after coap2_start. Tokens,
   ids and delays are drawn from it: Speck64/128 in counter mode, so that what
   is seen on the wire does not tell what comes next. */
COAP2_DEF void coap2_seed(coap2_node *node, const void *bytes, size_t length);

/* Receive what is there (COAP2_BURST datagrams at most), do what is due, and
   return the milliseconds until it must be called again: 0 at once,
   COAP2_FOREVER if nothing is due. Call it also when a packet arrives, and
   after calls that send: it is poll that sends. The clock may wrap; call it at
   least once in 24 days, or records of long ago may look young. */
#define COAP2_FOREVER 0xfffffffful
enum { COAP2_BURST = 8 };
COAP2_DEF uint32_t coap2_poll(coap2_node *node, uint32_t now_ms);

/* Push a datagram in, where packets arrive by upcall; coap2_poll tells after
   it how long the node may rest. */
COAP2_DEF void coap2_input(coap2_node *node, const coap2_peer *from,
                           const uint8_t *bytes, size_t length,
                           uint32_t now_ms);

#endif

/* ==== @client: requests ================================================== */

#if COAP2_WITH_CLIENT

/* Ask a URI, by coap2_get and its kin: confirmable, or not if it is a group.
   The answer comes to `reply`, which may be NULL. The texts may go when the
   call returns. Returns a handle, positive, or an error: COAP2_ERR_FULL (no
   free exchange, or no slot for it in `out`), COAP2_ERR_FORMAT (no URI),
   COAP2_ERR_NAME (a host that nobody can resolve), COAP2_ERR_SPACE, or
   COAP2_ERR_ARG (another scheme than coap). Sends no Content-Format: for that
   there is coap2_call. */
#define coap2_get(node, uri, reply, user) \
    coap2_request((node), COAP2_GET, (uri), NULL, 0, (reply), (user))
#define coap2_delete(node, uri, reply, user) \
    coap2_request((node), COAP2_DELETE, (uri), NULL, 0, (reply), (user))
#define coap2_put(node, uri, payload, length, reply, user)                \
    coap2_request((node), COAP2_PUT, (uri), (payload), (length), (reply), \
                  (user))
#define coap2_post(node, uri, payload, length, reply, user)                \
    coap2_request((node), COAP2_POST, (uri), (payload), (length), (reply), \
                  (user))
#if COAP2_WITH_URI
COAP2_DEF int16_t coap2_request(coap2_node *node, uint8_t method,
                                const char *uri, const void *payload,
                                size_t length, coap2_reply_fn reply,
                                void *user);
#endif

/* Is anybody there? COAP2_OK without a message if so (RFC 7252 4.3). */
#define coap2_ping(node, uri, reply, user) \
    coap2_request((node), COAP2_PING, (uri), NULL, 0, (reply), (user))
enum { COAP2_PING = 0 };

/* Any request, step by step: start it, set fields, write options and payload,
   in any order, send it.

       coap2_call call;
       coap2_call_start(&call, &node, COAP2_FETCH, "coap://10.0.0.1/log");
       coap2_write_uint(&call.w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_JSON);
       coap2_write_payload(&call.w, "{}", 2);
       handle = coap2_call_send(&call, on_reply, user);

   Nothing is reserved in between: start only one at a time. Whatever goes
   wrong on the way is what coap2_call_send returns. */
typedef struct coap2_call {
    coap2_writer w;
    coap2_peer peer;
    coap2_node *node;
    uint32_t deadline; /* ms from the first transmission: COAP2_DEADLINE */
    bool confirmable;  /* true; to a group it never is */
    bool own_token;    /* the library's own, as is error */
    coap2_result error;
#if COAP2_WITH_BLOCKS
    coap2_pull_fn pull;   /* where the body comes from, if it is large, */
    uint32_t pull_length; /* and how long it is */
    uint8_t *body;        /* where an answer's body is put together; NULL: */
    size_t body_size;     /* it is handed over in pieces */
    uint8_t szx;          /* blocks of at most 16 << szx bytes, both ways; 6 */
#endif
} coap2_call;

#if COAP2_WITH_URI
COAP2_DEF void coap2_call_start(coap2_call *call, coap2_node *node,
                                uint8_t method, const char *uri);
#endif
/* The same with an address of yours, and a path like "a/b", without percent
   sequences. A query is an option to write. */
COAP2_DEF void coap2_call_start_to(coap2_call *call, coap2_node *node,
                                   uint8_t method, const coap2_peer *peer,
                                   const char *path);

/* Use a token of yours, of 0 to 8 bytes, instead of a random one. */
COAP2_DEF void coap2_call_token(coap2_call *call, const void *token,
                                size_t length);

COAP2_DEF int16_t coap2_call_send(coap2_call *call, coap2_reply_fn reply,
                                  void *user);

#if COAP2_WITH_OBSERVE

/* Observe a resource: its state now, and each new one, come to `reply` with
   `more` set. Notifications that others have overtaken are dropped (RFC 7641
   3.4). Where nothing was heard for as long as the last one may be taken for
   fresh, `reply` is told so, by COAP2_ERR_TIMEOUT with `more` set, and the
   library asks again. Without `more` it is over: the server ended it, by an
   error, or does not let the resource be observed. Another method or address:
   write COAP2_OPT_OBSERVE, 0, into a coap2_call. */
#define coap2_observe(node, uri, reply, user) \
    coap2_request_observe((node), (uri), (reply), (user))
#if COAP2_WITH_URI
COAP2_DEF int16_t coap2_request_observe(coap2_node *node, const char *uri,
                                        coap2_reply_fn reply, void *user);
#endif

#endif

#if COAP2I_SUBSCRIBES

/* Subscribe: observe, with a rule (@rules) that says what is worth a message.
   It goes to the server, which sends only that: QoS 1, by messages that are
   confirmed. QoS 0 is a call that is not:

       coap2_call_start(&call, &node, COAP2_GET, uri);
       coap2_call_subscribe(&call, "temp > 20 and hum < 50 pmin 5");
       call.confirmable = false;
       handle = coap2_call_send(&call, on_climate, user);

   A server without rules sends each change, and the library holds the rule
   against the first packet of each; with pmin and pmax it asks when it is time.
   reply->reason is COAP2_FIRST for the answer to the subscription, COAP2_MATCH
   for what the rule asked for, COAP2_PERIOD for pmax and the daily sign of
   life, and COAP2_QUIET for what ends it, and where nobody knows: the server
   has no rules, and this one is larger than COAP2_RULE_SIZE here. It ends as an
   observation does; an error is 4.00 with the column and the reason where the
   server refuses the rule. A rule that is no rule is COAP2_ERR_FORMAT at once,
   one of over 255 bytes COAP2_ERR_ARG. A server that starts again has forgotten
   its subscribers: they subscribe again when a pmax passes in silence, or,
   without one, a day. */
COAP2_DEF void coap2_call_subscribe(coap2_call *call, const char *rule);
#if COAP2_WITH_URI
COAP2_DEF int16_t coap2_subscribe(coap2_node *node, const char *uri,
                                  const char *rule, coap2_reply_fn reply,
                                  void *user);
#endif

#endif

/* End a request: its callback runs, with COAP2_ERR_CANCELLED. The server of an
   observation is told; coap2_forget does not, and rejects what still comes.
   COAP2_ERR_ARG: there is no such request any more. */
COAP2_DEF coap2_result coap2_cancel(coap2_node *node, int16_t request);
COAP2_DEF coap2_result coap2_forget(coap2_node *node, int16_t request);

/* Poll until a request has ended, and return its result. An error is handed
   back as it is, so that this can be written:

       result = coap2_wait(&node, coap2_get(&node, uri, on_reply, user));

   COAP2_ERR_CONFIG: node.now is missing, or this runs inside a callback. */
COAP2_DEF coap2_result coap2_wait(coap2_node *node, int16_t request);

#endif /* COAP2_WITH_CLIENT */

/* ==== @find: nodes by name and by what they offer ======================== */

#if COAP2I_FINDS

/* Look for nodes, in the groups of all CoAP nodes nearby (224.0.1.187, ff02::fd
   and ff05::fd). Only those that match answer:

       coap2_find(&node, "", on_found, user);              everybody
       coap2_find(&node, "node1.local", on_found, user);   by its name
       coap2_find(&node, "/temp,/hum", on_found, user);    by a path of these
       coap2_find(&node, "/sensors*", on_found, user);   ... that starts so

   `reply` runs once for each node, with its address in reply->peer, its name in
   the option COAP2_OPT_DISCOVERY of reply->msg, and the links asked for in its
   payload (coap2_links); and once more at the end, with COAP2_ERR_TIMEOUT and
   without `more`. A node that knows no names lists all it has: it is reported
   where its links match. To wait longer, to narrow the search by a query, or to
   ask one group or one node only, make a call:

       coap2_call_find(&call, &node, "");
       coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, "rt=climate");
       call.deadline = 3000;
       handle = coap2_call_send(&call, on_found, user);

   A node that has several addresses may be there several times. A list of links
   that is larger than a packet is its first block, cut to node.in. As JSON
   (COAP2_OPT_ACCEPT 50) it names the methods of each path. */
COAP2_DEF int16_t coap2_find(coap2_node *node, const char *what,
                             coap2_reply_fn reply, void *user);
COAP2_DEF void coap2_call_find(coap2_call *call, coap2_node *node,
                               const char *what);

/* A host that is a name, of no node that was found before, and that
   node.resolve does not know, is looked for in the same way, when a request to
   it begins; where several nodes have the name, the first that answers is
   asked. COAP2_ERR_NAME: nobody has it. The address is known for five minutes;
   a request that gets no answer there looks for the name once more. A ping
   carries no name and finds known ones only. */

#endif

/* ==== @directory: who is there, and who offers what ====================== */

#if COAP2_WITH_DIRECTORY

/* A resource directory lists what nodes offer that sleep, or that no multicast
   reaches (RFC 9176). Look one up there:

       static void on_directory(const coap2_reply *reply)
       {
           coap2_call call;
           coap2_call_link(&call, reply, COAP2_GET, "rt=core.rd-lookup-res");
           coap2_write_text(&call.w, COAP2_OPT_URI_QUERY, "rt=climate");
           coap2_call_send(&call, on_climates, NULL);
       }
       ...
       coap2_find_directory(&node, NULL, on_directory, NULL);

   core.rd-lookup-ep lists endpoints instead. The answer is a list of links
   (coap2_links), in pieces if it is large.

   Find a directory: GET /.well-known/core?rt=core.rd*, of the host of a URI, or
   of all that are nearby where it is NULL, which needs COAP2_WITH_DISCOVERY.
   The links of each that answers come to `reply`; returns what coap2_get
   does. */
COAP2_DEF int16_t coap2_find_directory(coap2_node *node, const char *uri,
                                       coap2_reply_fn reply, void *user);

/* Start a call to the first link in a reply that matches a filter, as that of
   coap2_link_matches. If there is none, coap2_call_send returns
   COAP2_ERR_NAME. */
COAP2_DEF void coap2_call_link(coap2_call *call, const coap2_reply *reply,
                               uint8_t method, const char *filter);

struct coap2_registration;

/* What became of a registration; reg->result and reg->code say why. It goes on
   by itself: what was lost is registered anew, and what failed is tried again,
   after half a minute at first, after an hour at last, and not before the
   directory wants it (5.03 and 4.29 with Max-Age). A removal is not: it is over
   with REMOVED, or with FAILED, and the directory's lifetime does the rest. */
typedef void (*coap2_registration_fn)(struct coap2_registration *reg,
                                      uint8_t event);
enum {
    COAP2_REG_NEW,     /* the directory has it */
    COAP2_REG_RENEWED, /* and keeps it */
    COAP2_REG_LOST,    /* it has forgotten it, or does not answer */
    COAP2_REG_FAILED,  /* there is no directory, or it refuses */
    COAP2_REG_REMOVED  /* by coap2_unregister */
};

#define COAP2I_LOCATION (sizeof(void *) < 4 ? 32 : 64)

/* What a directory is to know of a node. Zero it and set the first part; the
   texts stay yours, and live as long as it does. */
typedef struct coap2_registration {
    const char *uri;      /* "coap://[2001:db8::2]/rd"; without a path it is
                             asked which; NULL: a directory is looked for */
    const char *endpoint; /* its name there, unlike all others, of at most 63
                             bytes; NULL: node.name */
    const char *sector;   /* a group of endpoints, or NULL; 63 bytes */
    const char *base;     /* "coap://[2001:db8::1]", where it is reached; NULL:
                             where its requests come from */
    const char *links;    /* NULL: those of its /.well-known/core */
    uint32_t lifetime;    /* seconds; 0: 90000, which is 25 hours */
    bool simple;          /* the directory reads /.well-known/core by itself;
                             then `uri` has no path, and `base` is not sent */
    coap2_registration_fn tell; /* or NULL */
    void *user;

    /* To be read in the callback. */
    coap2_result result;            /* of the last request, as in a reply */
    uint8_t code;                   /* of its answer; 0 if there is none */
    coap2_peer peer;                /* the directory */
    char location[COAP2I_LOCATION]; /* once registered: "/rd/4521", where */

    /* The library's own. */
    coap2_node *node;
    uint32_t since, due;
    int16_t request;
    uint8_t task, fails;
    bool waits, held, direct, elsewhere;
} coap2_registration;

/* Register a node, and keep it registered: find the directory, register there,
   renew it when three quarters of its lifetime have passed (or 20 days), and
   register anew where the directory does not renew it. All of that happens in
   polls. Call it again when what the node offers has changed, and after
   coap2_start.

       static coap2_registration home;
       home.endpoint = "node1";
       home.lifetime = 3600;
       home.tell = on_home;
       coap2_register(&node, &home);
       for (;;)
           udp_wait(
               coap2_registration_poll(&home, coap2_poll(&node, now_ms())));

   COAP2_ERR_ARG, COAP2_ERR_FORMAT: what is set makes no sense, and nothing will
   happen. */
COAP2_DEF coap2_result coap2_register(coap2_node *node,
                                      coap2_registration *reg);

/* Do what is due, after a poll of its node, or of another registration, that
   returned `rest`. Returns when to call all of them again: 0 at once. Does
   nothing in a callback. */
COAP2_DEF uint32_t coap2_registration_poll(coap2_registration *reg,
                                           uint32_t rest);

/* Take it out again, or give up. A simple one runs out with its lifetime. */
COAP2_DEF void coap2_unregister(coap2_registration *reg);

#endif /* COAP2_WITH_DIRECTORY */

/* ==== @slip: datagrams on a serial line ================================== */

#if COAP2_WITH_SLIP

/* SLIP (RFC 1055) makes frames of bytes: END stands before and behind each, and
   END and ESC in it are written as two bytes. It has no checksum; a sender may
   put one behind what it has to say.

   A decoder puts a frame together in a buffer of yours. It begins at the next
   END, so that a frame of which the beginning was missed is no frame. */
enum { COAP2_SLIP_END = 0xc0, COAP2_SLIP_ESC = 0xdb };

typedef struct coap2_slip {
    uint8_t *frame; /* your buffer */
    size_t size;
    bool overlong; /* the frame that ended last did not fit; */
    bool checked;  /* its last two bytes are its FCS-16 (RFC 1662 C.2) */
    size_t length; /* the library's own, as are fcs and state */
    uint16_t fcs;
    uint8_t state;
} coap2_slip;

COAP2_DEF void coap2_slip_start(coap2_slip *slip, void *buffer, size_t size);

/* Take a byte that arrived. Returns the length of the frame that it ends, else
   0; the frame stands in your buffer until the next byte is taken. A frame that
   is empty is passed over; one that does not fit or has a wrong escape is
   dropped as a whole.

       while (uart_has_byte()) {
           length = coap2_slip_take(&slip, uart_byte());
           if (length > 0) use_frame(slip.frame, length);
       }

   In an interrupt, where the frame is used later, drop what comes meanwhile:

       length = coap2_slip_take(&slip, UDR0);
       if (length > 0) {
           arrived = length;
           coap2_slip_start(&slip, NULL, 0);
       }

   and start it anew with your buffer once the frame was used. */
COAP2_DEF size_t coap2_slip_take(coap2_slip *slip, uint8_t byte);

/* Write a frame, byte by byte, by a function of yours. */
typedef void (*coap2_put_fn)(void *io, uint8_t byte);
COAP2_DEF void coap2_slip_write(coap2_put_fn put, void *io, const void *bytes,
                                size_t length);

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

/* A node at the end of a serial line, and behind the line a network: `coap2
   slip` of the tool, or another gateway. Zero a line, set the first three, and
   hand it to the node:

       static int serial_get(void *io) { return Serial.read(); }
       static void serial_put(void *io, uint8_t byte) { Serial.write(byte); }

       line.get = serial_get;
       line.put = serial_put;
       node.send = coap2_slip_send;
       node.recv = coap2_slip_recv;
       node.io = &line;

   Between polls the beginning of a frame stands in node.in: leave it there.
   node.in has to hold COAP2_SLIP_AROUND bytes more than a message. Where bytes
   come faster than they are got, some are lost, and the frame with them: have
   room for a frame that comes while one sends. */
typedef struct coap2_line {
    int (*get)(void *io); /* a byte that arrived; below 0: there is none */
    coap2_put_fn put;     /* send one; may wait until it has gone */
    void *io;             /* for both */
    coap2_slip slip;      /* the library's own */
} coap2_line;

COAP2_DEF coap2_result coap2_slip_send(void *line, const coap2_peer *to,
                                       const uint8_t *bytes, size_t length);
COAP2_DEF int32_t coap2_slip_recv(void *line, coap2_peer *from, uint8_t *bytes,
                                  size_t size);

/* A frame says whom it is from or for, so that a node can tell its clients
   apart, and whether it is whole:

       1  kind: COAP2_PEER_IPV4, or COAP2_PEER_OTHER; and 16 if it came to
          a group
       2  port, most significant byte first
       4  IPv4 address; or what the gateway calls a peer without one
       -  the message
       2  FCS-16 of all that (RFC 1662 C.2), least significant byte first

   A node sends to a group by its address. A frame that begins with a line feed
   is text for people, which a gateway shows; others are dropped. */
enum { COAP2_SLIP_HEADER = 7, COAP2_SLIP_AROUND = 9 };

/* For a gateway of yours: of the frame that coap2_slip_take has ended, move the
   message to the front, and say from whom it is. Returns its length; 0 if there
   is none, and more than the buffer if it was cut. coap2_slip_send writes one,
   and needs no more of a line than `put` and `io`. */
COAP2_DEF size_t coap2_slip_message(coap2_slip *slip, size_t length,
                                    coap2_peer *from);

#endif

#endif /* COAP2_WITH_SLIP */

/* ==== @names: names and reasons as text ================================== */

#if COAP2_WITH_STRINGS

/* Each returns a text that lives forever; NULL where there is no name. */
COAP2_DEF const char *coap2_error_text(coap2_result error);
COAP2_DEF const char *coap2_type_name(uint8_t type);
COAP2_DEF const char *coap2_code_name(uint8_t code);
COAP2_DEF const char *coap2_format_name(uint16_t format);

/* The name of an option in a message of this code: signals have their own. */
COAP2_DEF const char *coap2_opt_name(uint8_t code, uint16_t number);

/* Say why bytes were refused, and where: parses them once more. NULL if they
   are well-formed. */
COAP2_DEF const char *coap2_msg_why(const uint8_t *bytes, size_t length,
                                    size_t *fault_at);
/* The same for a URI and a link, whose views know where. */
#if COAP2_WITH_URI
COAP2_DEF const char *coap2_uri_why(const char *text, size_t length,
                                    size_t fault_at);
#endif
#if COAP2_WITH_LINKS
COAP2_DEF const char *coap2_link_why(const coap2_link *link);
#endif

#endif /* COAP2_WITH_STRINGS */

#ifdef __cplusplus
}
#endif

#endif /* COAP2_H */

#ifdef COAP2_IMPLEMENTATION
#ifndef COAP2_IMPLEMENTED
#define COAP2_IMPLEMENTED

/* ---- >>ground: types of the target, flash access ------------------------
   Knows the compiler and where constants live. Knows nothing of CoAP. */

#ifdef __AVR__
#define COAP2I_FLASH_BYTE(p) pgm_read_byte(p)
#define COAP2I_FLASH_WORD(type, p) ((type)pgm_read_word(p))
#define COAP2I_FLASH_U32(p) pgm_read_dword(p)
#define COAP2I_FLASH_COPY(to, from, size) memcpy_P((to), (from), (size))
#else
#define COAP2I_FLASH_BYTE(p) (*(const uint8_t *)(p))
#define COAP2I_FLASH_WORD(type, p) (*(p))
#define COAP2I_FLASH_U32(p) (*(p))
#define COAP2I_FLASH_COPY(to, from, size) memcpy((to), (from), (size))
#endif

/* Keeps a rare case out of the common one, which then needs fewer registers
   and less stack; and what is called twice from being there twice. */
#ifdef __GNUC__
#define COAP2I_RARE static __attribute__((noinline))
#else
#define COAP2I_RARE static
#endif

static char coap2i_flash_char(const char *p)
{
    return (char)COAP2I_FLASH_BYTE(p);
}

/* ---- >>bytes: numbers and characters -------------------------------------
   Knows how CoAP writes numbers (RFC 7252 3.1) and which characters a URI may
   hold (RFC 3986 2). Knows no messages. */

#if COAP2_WITH_URI || COAP2_WITH_LINKS || COAP2_WITH_FIELDS

static bool coap2i_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

#endif

#if COAP2_WITH_FIELDS || (COAP2_WITH_URI && COAP2_WITH_STRINGS)

static bool coap2i_holds(const char *text, size_t length, char c)
{
    size_t i;
    for (i = 0; i < length; i++)
        if (text[i] == c) return true;
    return false;
}

#endif

#if COAP2_WITH_URI || COAP2_WITH_LINKS || COAP2_WITH_JSON

/* Sixteen for what is no hexadecimal digit. */
static uint8_t coap2i_hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    if (coap2i_is_digit(c)) return (uint8_t)(c - '0');
    if (lower >= 'a' && lower <= 'f') return (uint8_t)(lower - 'a' + 10);
    return 16u;
}

#endif

#if COAP2I_FINDS || COAP2_WITH_RULES || \
    (COAP2_WITH_SERVER && COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS)

#define COAP2I_HASH_START 2166136261ul
#define COAP2I_HASH_PRIME 16777619ul

/* A step of a hash (FNV-1a). */
static uint32_t coap2i_mix(uint32_t hash, uint8_t byte)
{
    return (uint32_t)((hash ^ byte) * COAP2I_HASH_PRIME);
}

#endif

#if COAP2_WITH_URI || COAP2_WITH_LINKS || COAP2_WITH_DISCOVERY

static bool coap2i_is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

#endif

#if COAP2_WITH_DISCOVERY

static size_t coap2i_without_dot(const char *name, size_t length)
{
    return length != 0u && name[length - 1u] == '.' ? length - 1u : length;
}

/* Are two names of nodes one, as people write them? */
static bool coap2i_same_name(const char *a, size_t a_length, const char *b,
                             size_t b_length)
{
    size_t i, length = coap2i_without_dot(a, a_length);
    if (length == 0u || length != coap2i_without_dot(b, b_length)) return false;
    for (i = 0; i < length; i++)
        if (a[i] != b[i] && (!coap2i_is_letter(a[i]) || (a[i] ^ b[i]) != 0x20))
            return false;
    return true;
}

/* ---- lists of paths, as a search has them ---- */

/* A path, with or without its first slash. */
typedef struct coap2i_path {
    const char *text;
    size_t length;
    bool in_flash;
} coap2i_path;

static char coap2i_path_char(const coap2i_path *path, size_t at)
{
    if (path->in_flash) return coap2i_flash_char(path->text + at);
    return path->text[at];
}

static bool coap2i_is_gap(char c)
{
    return c == ' ' || c == '\t';
}

/* Is a path what an element of a list says? A star at its end stands for
   anything. */
static bool coap2i_path_is(const coap2i_path *path, const char *element,
                           size_t length)
{
    size_t i = 0, from = 0;
    bool star = length != 0u && element[length - 1u] == '*';
    if (star) length--;
    if (length != 0u && element[0] == '/') i = 1;
    if (path->length != 0u && coap2i_path_char(path, 0) == '/') from = 1;
    if (path->length - from < length - i) return false;
    if (!star && path->length - from != length - i) return false;
    for (; i < length; i++, from++)
        if (element[i] != coap2i_path_char(path, from)) return false;
    return true;
}

static bool coap2i_list_has(const char *list, size_t length,
                            const coap2i_path *path)
{
    size_t at = 0, first, end;
    for (; at < length; at++) {
        while (at < length && coap2i_is_gap(list[at])) at++;
        first = end = at;
        for (; at < length && list[at] != ','; at++)
            if (!coap2i_is_gap(list[at])) end = at + 1u;
        if (end != first && coap2i_path_is(path, list + first, end - first))
            return true;
    }
    return false;
}

/* Whom a search looks for: a list of paths, a name, or everybody. */
enum { COAP2I_EVERYBODY, COAP2I_NAMED, COAP2I_LISTED };

static uint8_t coap2i_search_kind(const char *what, size_t length)
{
    size_t i;
    if (length == 0u) return COAP2I_EVERYBODY;
    if (what[0] == '/') return COAP2I_LISTED;
    for (i = 0; i < length; i++)
        if (what[i] == ',') return COAP2I_LISTED;
    return COAP2I_NAMED;
}

#endif

#if COAP2_WITH_URI || COAP2_WITH_LINKS

/* What may stand in a URI beside letters and digits; each part of it allows
   the first so many. */
static const char coap2i_uri_marks[] COAP2_FLASH = "-._~!$&'()*+,;=:@/?#[]";
enum {
    COAP2I_IN_ZONE = 4,  /* unreserved */
    COAP2I_IN_HOST = 15, /* and sub-delims */
    COAP2I_IN_SEGMENT = 17,
    COAP2I_IN_PATH = 18,
    COAP2I_IN_QUERY = 19,
    COAP2I_IN_REFERENCE = 22
};

COAP2I_RARE bool coap2i_is_uri_char(char c, uint8_t marks)
{
    uint8_t i;
    if (coap2i_is_letter(c) || coap2i_is_digit(c)) return true;
    for (i = 0; i < marks; i++)
        if (c == coap2i_flash_char(coap2i_uri_marks + i)) return true;
    return false;
}

/* The end of the allowed characters and whole percent sequences. */
static size_t coap2i_uri_span(const char *text, size_t length, size_t at,
                              uint8_t marks)
{
    while (at < length) {
        if (coap2i_is_uri_char(text[at], marks)) {
            at++;
        } else if (text[at] == '%' && length - at > 2u &&
                   coap2i_hex_digit(text[at + 1u]) < 16u &&
                   coap2i_hex_digit(text[at + 2u]) < 16u) {
            at += 3u;
        } else {
            break;
        }
    }
    return at;
}

#endif

/* ---- >>slip: frames on a serial line --------------------------------------
   Knows SLIP (RFC 1055) and how a frame names a peer. Knows no messages but by
   their first bits. */

#if COAP2_WITH_SLIP

enum { COAP2I_SLIP_ESC_END = 0xdc, COAP2I_SLIP_ESC_ESC = 0xdd };

/* What is known of the frame under way: nothing is kept of one that is
   lost. */
enum { COAP2I_SLIP_OPEN, COAP2I_SLIP_ESCAPED, COAP2I_SLIP_LOST };

/* RFC 1662 C.2: a check of what came so far; FCS_GOOD behind one that is
   right. */
#define COAP2I_FCS_START 0xffffu
#define COAP2I_FCS_GOOD 0xf0b8u

COAP2I_RARE uint16_t coap2i_fcs(uint16_t fcs, uint8_t byte)
{
    uint8_t bit;

    fcs ^= byte;
    for (bit = 0; bit < 8u; bit++)
        fcs = (uint16_t)((fcs & 1u) != 0u ? (fcs >> 1) ^ 0x8408u : fcs >> 1);
    return fcs;
}

COAP2_DEF void coap2_slip_start(coap2_slip *slip, void *buffer, size_t size)
{
    slip->frame = (uint8_t *)buffer;
    slip->size = size;
    slip->length = 0;
    slip->fcs = COAP2I_FCS_START;
    slip->state = COAP2I_SLIP_LOST;
    slip->overlong = slip->checked = false;
}

static size_t coap2i_slip_end(coap2_slip *slip)
{
    size_t length = slip->state == COAP2I_SLIP_OPEN ? slip->length : 0u;

    slip->overlong = length > slip->size;
    slip->checked = slip->fcs == COAP2I_FCS_GOOD;
    slip->fcs = COAP2I_FCS_START;
    slip->length = 0;
    slip->state = COAP2I_SLIP_OPEN;
    return slip->overlong ? 0u : length;
}

COAP2_DEF size_t coap2_slip_take(coap2_slip *slip, uint8_t byte)
{
    uint8_t state = slip->state;

    if (byte == COAP2_SLIP_END) return coap2i_slip_end(slip);
    if (state == COAP2I_SLIP_LOST) return 0;
    slip->state = COAP2I_SLIP_OPEN;
    if (state == COAP2I_SLIP_ESCAPED) {
        if (byte == COAP2I_SLIP_ESC_END)
            byte = COAP2_SLIP_END;
        else if (byte == COAP2I_SLIP_ESC_ESC)
            byte = COAP2_SLIP_ESC;
        else
            slip->state = COAP2I_SLIP_LOST;
    } else if (byte == COAP2_SLIP_ESC) {
        slip->state = COAP2I_SLIP_ESCAPED;
        return 0;
    }
    if (slip->length < slip->size) slip->frame[slip->length] = byte;
    if (slip->length <= slip->size) slip->length++;
    slip->fcs = coap2i_fcs(slip->fcs, byte);
    return 0;
}

/* Write bytes, escaped; returns the check of what came so far. */
static uint16_t coap2i_slip_escape(coap2_put_fn put, void *io,
                                   const uint8_t *bytes, size_t length,
                                   uint16_t fcs)
{
    for (; length != 0u; length--) {
        uint8_t byte = *bytes++;

        fcs = coap2i_fcs(fcs, byte);
        if (byte == COAP2_SLIP_END || byte == COAP2_SLIP_ESC) {
            put(io, COAP2_SLIP_ESC);
            byte = byte == COAP2_SLIP_END ? COAP2I_SLIP_ESC_END
                                          : COAP2I_SLIP_ESC_ESC;
        }
        put(io, byte);
    }
    return fcs;
}

COAP2_DEF void coap2_slip_write(coap2_put_fn put, void *io, const void *bytes,
                                size_t length)
{
    put(io, COAP2_SLIP_END);
    (void)coap2i_slip_escape(put, io, (const uint8_t *)bytes, length, 0);
    put(io, COAP2_SLIP_END);
}

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

#define COAP2I_SLIP_GROUP 16u

static bool coap2i_slip_has_peer(uint8_t kind)
{
    return kind == COAP2_PEER_IPV4 || kind == COAP2_PEER_OTHER;
}

COAP2_DEF coap2_result coap2_slip_send(void *line, const coap2_peer *to,
                                       const uint8_t *bytes, size_t length)
{
    const coap2_line *l = (const coap2_line *)line;
    uint8_t around[COAP2_SLIP_HEADER];
    uint16_t fcs;

    if (!coap2i_slip_has_peer(to->kind)) return COAP2_ERR_SEND;
    around[0] = (uint8_t)(to->kind | (to->group ? COAP2I_SLIP_GROUP : 0u));
    around[1] = (uint8_t)(to->port >> 8);
    around[2] = (uint8_t)to->port;
    memcpy(around + 3, to->address, 4);
    l->put(l->io, COAP2_SLIP_END);
    fcs = coap2i_slip_escape(l->put, l->io, around, sizeof around,
                             COAP2I_FCS_START);
    fcs = (uint16_t)~coap2i_slip_escape(l->put, l->io, bytes, length, fcs);
    around[0] = (uint8_t)fcs;
    around[1] = (uint8_t)(fcs >> 8);
    (void)coap2i_slip_escape(l->put, l->io, around, 2, 0);
    l->put(l->io, COAP2_SLIP_END);
    return COAP2_OK;
}

COAP2_DEF size_t coap2_slip_message(coap2_slip *slip, size_t length,
                                    coap2_peer *from)
{
    const uint8_t *header = slip->frame;
    size_t kept = slip->overlong ? slip->size : length;

    if (!slip->checked || kept <= COAP2_SLIP_AROUND) return 0;
    memset(from, 0, sizeof *from);
    from->kind = (uint8_t)(header[0] & ~COAP2I_SLIP_GROUP);
    if (!coap2i_slip_has_peer(from->kind)) return 0;
    from->group = header[0] != from->kind;
    from->port = (uint16_t)(header[1] * 256u + header[2]);
    memcpy(from->address, header + 3, 4);
    kept -= COAP2_SLIP_HEADER;
    memmove(slip->frame, slip->frame + COAP2_SLIP_HEADER, kept);
    if (!slip->overlong) return kept - 2u;
    /* behind what was cut stands no option that nobody sent */
    memset(slip->frame + kept, 0xff, COAP2_SLIP_HEADER);
    return slip->size + 1u;
}

COAP2_DEF int32_t coap2_slip_recv(void *line, coap2_peer *from, uint8_t *bytes,
                                  size_t size)
{
    coap2_line *l = (coap2_line *)line;
    size_t length = 0;
    int byte;

    if (l->slip.frame != bytes || l->slip.size != size)
        coap2_slip_start(&l->slip, bytes, size);
    while (length == 0u && (byte = l->get(l->io)) >= 0) {
        length = coap2_slip_take(&l->slip, (uint8_t)byte);
        if (length != 0u || l->slip.overlong)
            length = coap2_slip_message(&l->slip, length, from);
        l->slip.overlong = false;
    }
    if (length == 0u) return COAP2_ERR_AGAIN;
    return (int32_t)length;
}

#endif

#endif /* COAP2_WITH_SLIP */

/* ---- >>options: walking and reading options ------------------------------
   Knows how options are packed, one after the other. Knows nothing of the
   message around them. */

/* Step over an option of any size. Delta and length take the same way through
   the loop, one nibble after the other. */
COAP2I_RARE bool coap2i_opt_next_long(coap2_opt *opt)
{
    const uint8_t *at = opt->value + opt->length;
    uint16_t number = opt->number;
    uint8_t head = *at++, turns = 2;
    size_t value;
    for (;;) {
        value = head / 16u;
        if (value > 12u) {
            if (value == 15u || at == opt->end) return false;
            value = *at++;
            if (head >= 14u * 16u) {
                if (at == opt->end) return false;
                value = value * 256u + *at++ + 256u;
            }
            value += 13u;
            /* a size_t of 16 bits wraps */
            if (value < 269u && head >= 14u * 16u) return false;
        }
        if (--turns == 0u) break;
        number = (uint16_t)(number + value);
        if (number < value) return false;
        head = (uint8_t)(head * 16u);
    }
    if (value > (size_t)(opt->end - at)) return false;
    opt->value = at;
    opt->length = value;
    opt->number = number;
    return true;
}

/* Stops in front of whatever is no whole option: parsing finds the payload
   marker, and every fault, by walking, so that one function knows how options
   are packed. Most are short, and take the short way. Pointers and not
   indexes: those cost a tenth more flash on AVR. */
COAP2_DEF bool coap2_opt_next(coap2_opt *opt)
{
    const uint8_t *at = opt->value + opt->length;
    uint16_t number;
    uint8_t delta, length;
    if (at == opt->end) return false;
    length = *at & 15u;
    delta = *at++ / 16u;
    if (delta > 12u || length > 12u) return coap2i_opt_next_long(opt);
    number = (uint16_t)(opt->number + delta);
    if (number < delta || length > (size_t)(opt->end - at)) return false;
    opt->value = at;
    opt->length = length;
    opt->number = number;
    return true;
}

COAP2_DEF bool coap2_opt_uint(const coap2_opt *opt, uint32_t *number)
{
    uint32_t value = 0;
    size_t i;
    if (opt->length > 4u) return false;
    for (i = 0; i < opt->length; i++) value = value << 8 | opt->value[i];
    *number = value;
    return true;
}

COAP2_DEF bool coap2_opt_is(const coap2_opt *opt, const char *text)
{
    size_t length = strlen(text);
    return opt->length == length && memcmp(opt->value, text, length) == 0;
}

/* RFC 7252 5.10, 7641 2, 7959 2.1, 7967 2, 8613 2, 8768 3, 9175 2.2 and 3.2,
   9177 4.1, 9668 3.1; in the order of the numbers. */
#define COAP2I_ONCE false
#define COAP2I_REPEATS true
static const coap2_opt_form coap2i_opt_forms[] COAP2_FLASH = {
    {COAP2_OPT_IF_MATCH, 8, 0, COAP2_OPAQUE, COAP2I_REPEATS},
    {COAP2_OPT_URI_HOST, 255, 1, COAP2_STRING, COAP2I_ONCE},
    {COAP2_OPT_ETAG, 8, 1, COAP2_OPAQUE, COAP2I_REPEATS},
    {COAP2_OPT_IF_NONE_MATCH, 0, 0, COAP2_EMPTY, COAP2I_ONCE},
    {COAP2_OPT_OBSERVE, 3, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_URI_PORT, 2, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_LOCATION_PATH, 255, 0, COAP2_STRING, COAP2I_REPEATS},
    {COAP2_OPT_OSCORE, 255, 0, COAP2_OPAQUE, COAP2I_ONCE},
    {COAP2_OPT_URI_PATH, 255, 0, COAP2_STRING, COAP2I_REPEATS},
    {COAP2_OPT_CONTENT_FORMAT, 2, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_MAX_AGE, 4, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_URI_QUERY, 255, 0, COAP2_STRING, COAP2I_REPEATS},
    {COAP2_OPT_HOP_LIMIT, 1, 1, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_ACCEPT, 2, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_Q_BLOCK1, 3, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_LOCATION_QUERY, 255, 0, COAP2_STRING, COAP2I_REPEATS},
    {COAP2_OPT_EDHOC, 0, 0, COAP2_EMPTY, COAP2I_ONCE},
    {COAP2_OPT_BLOCK2, 3, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_BLOCK1, 3, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_SIZE2, 4, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_Q_BLOCK2, 3, 0, COAP2_UINT, COAP2I_REPEATS},
    {COAP2_OPT_PROXY_URI, 1034, 1, COAP2_STRING, COAP2I_ONCE},
    {COAP2_OPT_PROXY_SCHEME, 255, 1, COAP2_STRING, COAP2I_ONCE},
    {COAP2_OPT_SIZE1, 4, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_ECHO, 40, 1, COAP2_OPAQUE, COAP2I_ONCE},
    {COAP2_OPT_NO_RESPONSE, 1, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_REQUEST_TAG, 8, 0, COAP2_OPAQUE, COAP2I_REPEATS},
    {COAP2_OPT_DISCOVERY, 255, 0, COAP2_STRING, COAP2I_ONCE},
    {COAP2_OPT_NOTIFICATION, 4, 0, COAP2_UINT, COAP2I_ONCE},
    {COAP2_OPT_RULE, 255, 0, COAP2_STRING, COAP2I_ONCE}};

COAP2_DEF bool coap2_opt_known(uint16_t number, coap2_opt_form *form)
{
    size_t i, rows = sizeof coap2i_opt_forms / sizeof coap2i_opt_forms[0];
    for (i = 0; i < rows; i++) {
        COAP2I_FLASH_COPY(form, &coap2i_opt_forms[i], sizeof *form);
        if (form->number == number) return true;
    }
    return false;
}

/* ---- >>message: parsing and writing messages -----------------------------
   Knows a datagram from its first byte to its last (RFC 7252 3). Knows no
   endpoints, and of options only how they are packed. */

/* Check the options by walking them, and find the payload behind them. */
static coap2_result coap2i_parse_rest(coap2_msg *msg)
{
    const uint8_t *at = msg->options.value;
    size_t left;
    while (coap2_opt_next(&msg->options)) {
    }
    msg->payload = msg->options.value + msg->options.length;
    msg->options.value = at;
    msg->options.length = 0;
    msg->options.number = 0;
    left = (size_t)(msg->options.end - msg->payload);
    if (left != 0u && (*msg->payload++ != 0xffu || --left == 0u))
        return COAP2_ERR_FORMAT;
    msg->payload_length = left;
    return COAP2_OK;
}

COAP2_DEF coap2_result coap2_msg_parse(coap2_msg *msg, const uint8_t *bytes,
                                       size_t length)
{
    uint8_t first;
    if (length < 4u) return COAP2_ERR_FORMAT;
    first = bytes[0];
    if (first / 64u != 1u) return COAP2_ERR_VERSION;
    msg->type = first / 16u & 3u;
    first &= 15u;
    msg->token_length = first;
    msg->code = bytes[1];
    msg->id = (uint16_t)(bytes[2] * 256u + bytes[3]);
    msg->options.end = bytes + length;
    msg->token = bytes + 4;
    length -= 4u;
    if (first > 8u || first > length) {
        msg->token_length = 0;
        return COAP2_ERR_FORMAT;
    }
    if (msg->code == COAP2_000_EMPTY && length != 0u) return COAP2_ERR_FORMAT;
    msg->options.value = msg->token + first;
    msg->options.length = 0;
    msg->options.number = 0;
    return coap2i_parse_rest(msg);
}

/* Stand before the first option; field by field, which is faster than a copy on
   AVR. */
COAP2I_RARE void coap2i_rewind(coap2_opt *opt, const coap2_msg *msg)
{
    opt->value = msg->options.value;
    opt->end = msg->options.end;
    opt->length = 0;
    opt->number = 0;
}

COAP2_DEF bool coap2_msg_find(const coap2_msg *msg, uint16_t number,
                              coap2_opt *opt)
{
    coap2i_rewind(opt, msg);
    while (coap2_opt_next(opt))
        if (opt->number >= number) return opt->number == number;
    return false;
}

COAP2_DEF void coap2_write_window(coap2_writer *w, uint32_t at, size_t size)
{
    w->window_at = at;
    w->window_room = size;
    w->body_length = 0;
}

COAP2_DEF void coap2_write_start(coap2_writer *w, void *buffer, size_t size)
{
    if (size == 0u) buffer = w; /* NULL has no end, and nothing is written */
    w->start = w->next = w->options = (uint8_t *)buffer;
    w->end = w->next + size;
    w->error = COAP2_OK;
    w->value = NULL;
    w->payload_size = 0;
    w->last = 0;
    coap2_write_window(w, 0, (size_t)-1);
}

COAP2I_RARE void coap2i_fail(coap2_writer *w, coap2_result error)
{
    if (w->error == COAP2_OK) w->error = error;
    w->value = NULL;
    w->end = w->next;
}

/* Append room for bytes, and return it; NULL if there is none. */
static uint8_t *coap2i_append(coap2_writer *w, size_t length)
{
    uint8_t *room = w->next;
    if (length > (size_t)(w->end - room)) {
        coap2i_fail(w, COAP2_ERR_SPACE);
        return NULL;
    }
    w->next = room + length;
    return room;
}

static void coap2i_put(coap2_writer *w, uint8_t byte)
{
    uint8_t *room = coap2i_append(w, 1);
    if (room != NULL) *room = byte;
}

static void coap2i_put_bytes(coap2_writer *w, const void *bytes, size_t length)
{
    uint8_t *room = coap2i_append(w, length);
    if (room != NULL && bytes != NULL) memmove(room, bytes, length);
}

COAP2_DEF void coap2_write_header(coap2_writer *w, uint8_t type, uint8_t code,
                                  uint16_t id, const void *token,
                                  uint8_t token_length)
{
    uint8_t *p;
    if (type > 3u || token_length > 8u ||
        (token_length != 0u && (token == NULL || code == COAP2_000_EMPTY)))
        coap2i_fail(w, COAP2_ERR_ARG);
    p = coap2i_append(w, 4);
    if (p != NULL) {
        p[0] = (uint8_t)((type | 4u) << 4 | token_length);
        p[1] = code;
        p[2] = (uint8_t)(id >> 8);
        p[3] = (uint8_t)id;
    }
    coap2i_put_bytes(w, token, token_length);
    w->options = w->next;
    w->payload_size = 0;
    w->last = 0;
}

/* Write what stands before an option's value: the nibbles of its delta and
   length, and their extensions, one after the other. */
COAP2I_RARE void coap2i_put_head(coap2_writer *w, size_t delta, size_t length)
{
    uint8_t head[5], nibbles = 0, size = 1, turns = 2;
    size_t value = delta;
    for (;;) {
        uint8_t nibble = (uint8_t)value;
        if (value > 12u) {
            nibble = 13;
            value -= 13u;
            if (value > 255u) {
                nibble = 14;
                value -= 256u;
                head[size++] = (uint8_t)(value >> 8);
            }
            head[size++] = (uint8_t)value;
        }
        nibbles = (uint8_t)(nibbles << 4 | nibble);
        if (--turns == 0u) break;
        value = length;
    }
    head[0] = nibbles;
    coap2i_put_bytes(w, head, size);
}

/* Open a gap at `at`: what begins at `tail` waits at the end of the buffer. */
static void coap2i_hold_back(coap2_writer *w, uint8_t *at, const uint8_t *tail)
{
    size_t waiting = (size_t)(w->next - tail);
    w->next = at;
    w->end -= waiting;
    memmove(w->end, tail, waiting);
}

/* Put what waits behind what has been written; `end` is the buffer's. */
static void coap2i_put_back(coap2_writer *w, uint8_t *end)
{
    uint8_t *tail = w->end;
    if (w->error != COAP2_OK || tail == end) return;
    w->end = end;
    coap2i_put_bytes(w, tail, (size_t)(end - tail));
}

/* Open a gap where an option goes whose number is not the highest, or which
   comes after the payload: what stands behind it waits, without the head of
   the next option, whose delta will be smaller. Returns the number of the
   option before the gap. */
static uint16_t coap2i_open_gap(coap2_writer *w, uint16_t number,
                                coap2_opt *next)
{
    uint8_t *at = w->options;
    const uint8_t *tail;
    uint16_t before;
    next->value = at;
    next->length = 0;
    next->end = w->next - w->payload_size;
    do {
        before = next->number;
        tail = next->value + next->length;
        at = w->options + (tail - w->options);
    } while (coap2_opt_next(next) && next->number <= number);
    if (next->number > number) tail = next->value;
    coap2i_hold_back(w, at, tail);
    return before;
}

/* Write an option of any size, in any place. */
COAP2I_RARE void coap2i_write_opt_long(coap2_writer *w, uint16_t number,
                                       const void *value, size_t length)
{
    coap2_opt next;
    uint16_t before = w->last;
    uint8_t *end = w->end;
#if SIZE_MAX > 65804u
    if (length > 65804u) coap2i_fail(w, COAP2_ERR_ARG);
#endif
    if (w->error != COAP2_OK) return;
    next.number = 0;
    next.length = 0;
    if (number < before || w->payload_size != 0u)
        before = coap2i_open_gap(w, number, &next);
    if (number > w->last) w->last = number;
    coap2i_put_head(w, (size_t)(number - before), length);
    w->value = w->next;
    coap2i_put_bytes(w, value, length);
    if (next.number > number)
        coap2i_put_head(w, (size_t)(next.number - number), next.length);
    coap2i_put_back(w, end);
}

COAP2_DEF void coap2_write_opt(coap2_writer *w, uint16_t number,
                               const void *value, size_t length)
{
    uint8_t *next = w->next;
    uint16_t delta = (uint16_t)(number - w->last);
    if (number < w->last || delta > 12u || length > 12u ||
        w->payload_size != 0u) {
        coap2i_write_opt_long(w, number, value, length);
        return;
    }
    if (length >= (size_t)(w->end - next)) {
        coap2i_fail(w, COAP2_ERR_SPACE);
        return;
    }
    *next++ = (uint8_t)((size_t)delta * 16u + length);
    w->last = number;
    w->value = next;
    w->next = next + length;
    if (value != NULL) memmove(next, value, length);
}

COAP2_DEF void coap2_write_uint(coap2_writer *w, uint16_t number,
                                uint32_t value)
{
    uint8_t bytes[4], *first = bytes + 4;
    size_t length = 0;
    for (; value != 0u; value >>= 8, length++) *--first = (uint8_t)value;
    coap2_write_opt(w, number, first, length);
}

COAP2_DEF void coap2_write_text(coap2_writer *w, uint16_t number,
                                const char *text)
{
    coap2_write_opt(w, number, text, strlen(text));
}

COAP2_DEF void coap2_write_payload(coap2_writer *w, const void *bytes,
                                   size_t length)
{
    if (length == 0u) return;
    if (w->payload_size == 0u) {
        coap2i_put(w, 0xff);
        w->payload_size = 1;
    }
    coap2i_put_bytes(w, bytes, length);
    if (w->error == COAP2_OK) w->payload_size += length;
}

COAP2_DEF void coap2_write_body(coap2_writer *w, const void *bytes,
                                size_t length)
{
    const uint8_t *piece = (const uint8_t *)bytes;
    uint32_t at = w->body_length, skip = 0;
    if (length > UINT32_MAX - at) {
        coap2i_fail(w, COAP2_ERR_ARG);
        return;
    }
    w->body_length = at + (uint32_t)length;
    if (at < w->window_at) skip = w->window_at - at;
    if (skip >= length) return;
    piece += skip;
    length -= (size_t)skip;
    if (length > w->window_room) length = w->window_room;
    w->window_room -= length;
    coap2_write_payload(w, piece, length);
}

COAP2_DEF bool coap2_write_more(const coap2_writer *w)
{
    size_t kept = w->payload_size;
    if (kept != 0u) kept--;
    return w->body_length > w->window_at &&
           w->body_length - w->window_at > kept;
}

COAP2_DEF size_t coap2_write_end(const coap2_writer *w)
{
    return w->error == COAP2_OK ? (size_t)(w->next - w->start) : 0u;
}

COAP2_DEF coap2_result coap2_block_read(coap2_block *block,
                                        const coap2_opt *opt)
{
    uint32_t value;
    if (opt->length > 3u || !coap2_opt_uint(opt, &value) || (value & 7u) == 7u)
        return COAP2_ERR_FORMAT;
    block->number = value >> 4;
    block->more = (value & 8u) != 0u;
    block->szx = (uint8_t)(value & 7u);
    return COAP2_OK;
}

COAP2_DEF coap2_result coap2_block_set(coap2_block *block, uint32_t at,
                                       uint8_t szx, bool more)
{
    if (szx > 6u || (at & ((16ul << szx) - 1u)) != 0u ||
        at >> szx > 0xffffful * 16u)
        return COAP2_ERR_ARG;
    block->number = at >> szx >> 4;
    block->more = more;
    block->szx = szx;
    return COAP2_OK;
}

COAP2_DEF void coap2_write_block(coap2_writer *w, uint16_t number,
                                 const coap2_block *block)
{
    if (block->number > 0xffffful || block->szx > 6u) {
        coap2i_fail(w, COAP2_ERR_ARG);
        return;
    }
    coap2_write_uint(w, number,
                     block->number << 4 | (block->more ? 8u : 0u) | block->szx);
}

/* ---- >>uri: URIs and paths -----------------------------------------------
   Knows RFC 7252 6 and RFC 3986. Knows no addresses but their text. */

COAP2_DEF bool coap2_msg_path_equals(const coap2_msg *msg,
                                     const char *flash_path)
{
    coap2_opt opt;
    const char *p = flash_path;
    bool whole;
    coap2i_rewind(&opt, msg);
    if (coap2i_flash_char(p) == '/') p++;
    whole = coap2i_flash_char(p) == '\0';
    while (coap2_opt_next(&opt)) {
        size_t i;
        if (opt.number != COAP2_OPT_URI_PATH) continue;
        if (whole) return false;
        if (coap2i_flash_char(p) == '*' && coap2i_flash_char(p + 1) == '\0')
            return true;
        for (i = 0; i < opt.length; i++, p++) {
            char c = coap2i_flash_char(p);
            if (c == '\0' || c == '/' || c != (char)opt.value[i]) return false;
        }
        whole = coap2i_flash_char(p) == '\0';
        if (!whole && coap2i_flash_char(p++) != '/') return false;
    }
    return whole;
}

#if COAP2_WITH_URI

/* The byte at *at, a percent sequence undone; steps behind it. The text was
   checked. */
static uint8_t coap2i_uri_byte(const char *text, size_t *at)
{
    uint8_t high, low;
    if (text[*at] != '%') return (uint8_t)text[(*at)++];
    high = coap2i_hex_digit(text[*at + 1u]);
    low = coap2i_hex_digit(text[*at + 2u]);
    *at += 3u;
    return (uint8_t)(high * 16u + low);
}

static size_t coap2i_uri_decoded(const char *text, size_t length)
{
    size_t at = 0, bytes = 0;
    for (; at < length; bytes++) (void)coap2i_uri_byte(text, &at);
    return bytes;
}

/* One segment or argument of a path or query, as a view. */
typedef struct coap2i_piece {
    const char *text;
    size_t length;
    const char *end; /* of all pieces */
    char separator;
} coap2i_piece;

static coap2i_piece coap2i_pieces(const char *text, size_t length,
                                  char separator)
{
    coap2i_piece piece;
    piece.text = text;
    piece.length = 0;
    piece.end = text + length;
    piece.separator = separator;
    while (text != piece.end && *text != separator) text++;
    piece.length = (size_t)(text - piece.text);
    return piece;
}

static bool coap2i_piece_is_last(const coap2i_piece *piece)
{
    return piece->text + piece->length == piece->end;
}

static bool coap2i_next_piece(coap2i_piece *piece)
{
    const char *next;
    if (coap2i_piece_is_last(piece)) return false;
    next = piece->text + piece->length + 1;
    *piece = coap2i_pieces(next, (size_t)(piece->end - next), piece->separator);
    return true;
}

/* One for `.`, two for `..`, as they stand; else none. */
static uint8_t coap2i_dots(const coap2i_piece *piece)
{
    if (piece->length == 0u || piece->length > 2u) return 0;
    if (piece->text[0] != '.' || piece->text[piece->length - 1u] != '.')
        return 0;
    return (uint8_t)piece->length;
}

/* A piece must fit into an option, and must not become a dot segment by
   decoding: Uri-Path may hold neither `.` nor `..` (RFC 7252 5.10.1). */
static bool coap2i_piece_is_good(const coap2i_piece *piece)
{
    size_t bytes = coap2i_uri_decoded(piece->text, piece->length), at = 0;
    if (bytes > 255u) return false;
    if (piece->separator != '/' || bytes == 0u || bytes > 2u) return true;
    if (coap2i_dots(piece) != 0u) return true;
    while (at < piece->length)
        if (coap2i_uri_byte(piece->text, &at) != '.') return true;
    return false;
}

static const char *coap2i_bad_piece(coap2i_piece piece)
{
    do {
        if (!coap2i_piece_is_good(&piece)) return piece.text;
    } while (coap2i_next_piece(&piece));
    return NULL;
}

/* Path and query from `at` to the end. */
static coap2_result coap2i_uri_parse_rest(coap2_uri *uri, const char *text,
                                          size_t length, size_t at)
{
    const char *bad;
    size_t end = coap2i_uri_span(text, length, at, COAP2I_IN_PATH);
    uri->path = text + at;
    uri->path_length = end - at;
    at = end;
    bad = coap2i_bad_piece(coap2i_pieces(uri->path, uri->path_length, '/'));
    if (bad == NULL && at < length && text[at] == '?') {
        end = coap2i_uri_span(text, length, at + 1u, COAP2I_IN_QUERY);
        uri->query = text + at + 1u;
        uri->query_length = end - at - 1u;
        at = end;
        bad =
            coap2i_bad_piece(coap2i_pieces(uri->query, uri->query_length, '&'));
    }
    uri->fault_at = bad != NULL ? (size_t)(bad - text) : at;
    return bad != NULL || at != length ? COAP2_ERR_FORMAT : COAP2_OK;
}

/* The length of a word, in either case, where the text begins with it; else
   none. */
static uint8_t coap2i_word(const char *text, size_t length,
                           const char *flash_word)
{
    uint8_t n = 0;
    char c;
    while ((c = coap2i_flash_char(flash_word + n)) != '\0') {
        if (n == length ||
            (coap2i_is_letter(c) ? (text[n] | 0x20) : text[n]) != c)
            return 0;
        n++;
    }
    return n;
}

/* The scheme with its `://`; the length, or 0 if it is not ours. */
static size_t coap2i_uri_scheme(coap2_uri *uri, const char *text, size_t length)
{
    size_t at = coap2i_word(text, length, COAP2_TEXT("coap"));
    uint8_t n;
    if (at == 0u) return 0;
    n = coap2i_word(text + at, length - at, COAP2_TEXT("s"));
    at += n;
    uri->scheme = n;
    n = coap2i_word(text + at, length - at, COAP2_TEXT("+tcp"));
    if (n != 0u) uri->scheme = (uint8_t)(uri->scheme + COAP2_SCHEME_COAP_TCP);
    at += n;
    if (n == 0u) {
        n = coap2i_word(text + at, length - at, COAP2_TEXT("+ws"));
        if (n != 0u)
            uri->scheme = (uint8_t)(uri->scheme + COAP2_SCHEME_COAP_WS);
        at += n;
    }
    n = coap2i_word(text + at, length - at, COAP2_TEXT("://"));
    return n != 0u ? at + n : 0u;
}

static uint16_t coap2i_default_port(uint8_t scheme)
{
    if (scheme == COAP2_SCHEME_COAP_WS) return 80;
    if (scheme == COAP2_SCHEME_COAPS_WS) return 443;
    return (uint16_t)(5683u + (scheme & 1u));
}

/* Four numbers up to 255, without leading zeros (RFC 3986 3.2.2). */
static bool coap2i_ipv4(const char *text, size_t length, uint8_t address[4])
{
    size_t at = 0;
    uint8_t i, digits;
    for (i = 0; i < 4u; i++) {
        uint16_t value = 0;
        if (i != 0u && (at == length || text[at++] != '.')) return false;
        for (digits = 0; at < length && coap2i_is_digit(text[at]); digits++) {
            if (digits == 3u || (digits == 1u && value == 0u)) return false;
            value = (uint16_t)(value * 10u + (uint16_t)(text[at++] - '0'));
        }
        if (digits == 0u || value > 255u) return false;
        address[i] = (uint8_t)value;
    }
    return at == length;
}

/* One group of an IPv6 address at *at; false if there is no digit. */
static bool coap2i_ipv6_group(const char *text, size_t length, size_t *at,
                              uint8_t group[2])
{
    size_t first = *at;
    uint16_t value = 0;
    while (*at < length && *at - first < 4u &&
           coap2i_hex_digit(text[*at]) < 16u)
        value = (uint16_t)(value * 16u + coap2i_hex_digit(text[(*at)++]));
    group[0] = (uint8_t)(value / 256u);
    group[1] = (uint8_t)value;
    return *at != first;
}

enum { COAP2I_NO_GAP = 0xff };

/* Groups, `::` once, an IPv4 address at the end (RFC 4291 2.2). */
static bool coap2i_ipv6(const char *text, size_t length, uint8_t address[16])
{
    uint8_t size = 0, gap = COAP2I_NO_GAP;
    size_t at = 0;
    if (length > 1u && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < length) {
        if (size > 14u) return false;
        if (size <= 12u &&
            coap2i_ipv4(text + at, length - at, address + size)) {
            size = (uint8_t)(size + 4u);
            break;
        }
        if (!coap2i_ipv6_group(text, length, &at, address + size)) return false;
        size = (uint8_t)(size + 2u);
        if (at == length) break;
        if (text[at++] != ':' || at == length) return false;
        if (text[at] != ':') continue;
        if (gap != COAP2I_NO_GAP) return false;
        gap = size;
        at++;
    }
    if (gap == COAP2I_NO_GAP) return size == 16u;
    if (size == 16u) return false;
    memmove(address + 16u - (size - gap), address + gap, (size_t)(size - gap));
    memset(address + gap, 0, 16u - (size_t)size);
    return true;
}

/* The length of an IPv6 address before its zone. */
static size_t coap2i_before_zone(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] != '%') at++;
    return at;
}

/* What stands before a zone's name: `%25` in a URI (RFC 6874), and a bare `%`
   as people write it. */
COAP2I_RARE size_t coap2i_zone_mark(const char *text, size_t length)
{
    return length > 2u && text[1] == '2' && text[2] == '5' ? 3u : 1u;
}

/* What stands between brackets: an address, and perhaps a zone. */
static bool coap2i_uri_ipv6(const char *text, size_t length, size_t *fault_at)
{
    uint8_t address[16];
    size_t zone = coap2i_before_zone(text, length), end;
    *fault_at = 0;
    if (!coap2i_ipv6(text, zone, address)) return false;
    if (zone == length) return true;
    *fault_at = zone;
    end = zone + coap2i_zone_mark(text + zone, length - zone);
    if (end == length) return false;
    *fault_at = coap2i_uri_span(text, length, end, COAP2I_IN_ZONE);
    return *fault_at == length;
}

static void coap2i_uri_zone(coap2_uri *uri)
{
    size_t at = coap2i_before_zone(uri->host, uri->host_length);
    if (at == uri->host_length) return;
    at += coap2i_zone_mark(uri->host + at, uri->host_length - at);
    uri->zone = uri->host + at;
    uri->zone_length = uri->host_length - at;
}

/* The host at `at`; returns what follows it, 0 after an error. */
static size_t coap2i_uri_host(coap2_uri *uri, const char *text, size_t length,
                              size_t at)
{
    uint8_t address[4];
    size_t end = at;
    uri->fault_at = at;
    if (at < length && text[at] == '[') {
        while (end < length && text[end] != ']') end++;
        if (end == length) return 0;
        uri->kind = COAP2_HOST_IPV6;
        uri->host = text + at + 1u;
        uri->host_length = end - at - 1u;
        if (coap2i_uri_ipv6(uri->host, uri->host_length, &uri->fault_at)) {
            coap2i_uri_zone(uri);
            return end + 1u;
        }
        uri->fault_at += at + 1u;
        return 0;
    }
    end = coap2i_uri_span(text, length, at, COAP2I_IN_HOST);
    uri->host = text + at;
    uri->host_length = end - at;
    uri->kind = COAP2_HOST_NAME;
    if (coap2i_ipv4(uri->host, uri->host_length, address))
        uri->kind = COAP2_HOST_IPV4;
    if (end == at || coap2i_uri_decoded(uri->host, uri->host_length) > 255u)
        return 0;
    return end;
}

/* The port behind a colon, which may be empty; returns what follows it, 0
   after an error. */
static size_t coap2i_uri_port(coap2_uri *uri, const char *text, size_t length,
                              size_t at)
{
    uint32_t port = 0;
    size_t first = at;
    while (at < length && coap2i_is_digit(text[at])) {
        port = port * 10u + (uint32_t)(text[at++] - '0');
        uri->fault_at = first;
        if (port > 65535u) return 0;
    }
    if (at != first) uri->port = (uint16_t)port;
    return at;
}

static coap2_result coap2i_uri_parse(coap2_uri *uri, const char *text,
                                     size_t length)
{
    size_t at;
    at = coap2i_uri_scheme(uri, text, length);
    if (at == 0u) return COAP2_ERR_FORMAT;
    uri->port = coap2i_default_port(uri->scheme);
    at = coap2i_uri_host(uri, text, length, at);
    if (at == 0u) return COAP2_ERR_FORMAT;
    if (at < length && text[at] == ':') {
        at = coap2i_uri_port(uri, text, length, at + 1u);
        if (at == 0u) return COAP2_ERR_FORMAT;
    }
    uri->fault_at = at;
    if (at < length && text[at] != '/' && text[at] != '?')
        return COAP2_ERR_FORMAT;
    return coap2i_uri_parse_rest(uri, text, length, at);
}

static coap2_result coap2i_uri_parse_ref(coap2_uri *uri, const char *text,
                                         size_t length)
{
    size_t at = 0;
    if (length > 1u && text[0] == '/' && text[1] == '/') {
        uri->fault_at = 1;
        return COAP2_ERR_FORMAT;
    }
    /* a colon in the first segment would end a scheme (RFC 3986 4.2) */
    while (at < length && text[at] != '/' && text[at] != '?' &&
           text[at] != '#') {
        uri->fault_at = at;
        if (text[at++] == ':') return COAP2_ERR_FORMAT;
    }
    return coap2i_uri_parse_rest(uri, text, length, 0);
}

/* A view that was refused must not look like one that was not. */
static coap2_result coap2i_uri_done(coap2_uri *uri, coap2_result result)
{
    size_t fault_at = uri->fault_at;
    if (result == COAP2_OK) return result;
    memset(uri, 0, sizeof *uri);
    uri->fault_at = fault_at;
    return result;
}

COAP2_DEF coap2_result coap2_uri_parse(coap2_uri *uri, const char *text,
                                       size_t length)
{
    memset(uri, 0, sizeof *uri);
    return coap2i_uri_done(uri, coap2i_uri_parse(uri, text, length));
}

COAP2_DEF coap2_result coap2_uri_parse_ref(coap2_uri *uri, const char *text,
                                           size_t length)
{
    memset(uri, 0, sizeof *uri);
    return coap2i_uri_done(uri, coap2i_uri_parse_ref(uri, text, length));
}

COAP2_DEF uint8_t coap2_uri_address(const coap2_uri *uri, uint8_t address[16])
{
    if (uri->kind == COAP2_HOST_IPV4 &&
        coap2i_ipv4(uri->host, uri->host_length, address))
        return 4;
    if (uri->kind == COAP2_HOST_IPV6 &&
        coap2i_ipv6(uri->host, coap2i_before_zone(uri->host, uri->host_length),
                    address))
        return 16;
    return 0;
}

/* Write a piece as an option, decoded. The host is first lower-cased, then
   decoded (RFC 7252 6.4 step 5), so that a letter which was encoded keeps its
   case. */
static void coap2i_write_decoded(coap2_writer *w, uint16_t number,
                                 const char *text, size_t length)
{
    size_t at = 0, i;
    coap2_write_opt(w, number, NULL, coap2i_uri_decoded(text, length));
    if (w->error != COAP2_OK) return;
    for (i = 0; at < length; i++) {
        bool lower = number == COAP2_OPT_URI_HOST && coap2i_is_letter(text[at]);
        uint8_t byte = coap2i_uri_byte(text, &at);
        w->value[i] = (uint8_t)(lower ? byte | 0x20u : byte);
    }
}

/* How many `..` a path holds. */
static size_t coap2i_count_ups(coap2i_piece piece)
{
    size_t ups = 0;
    do {
        if (coap2i_dots(&piece) == 2u) ups++;
    } while (coap2i_next_piece(&piece));
    return ups;
}

/* Does a `..` further on, of which there are so many, take this segment back?
   Not once more segments stand between than those can take. */
static bool coap2i_is_taken_back(coap2i_piece piece, size_t ups)
{
    size_t depth = 1;
    while (depth <= ups && coap2i_next_piece(&piece)) {
        uint8_t dots = coap2i_dots(&piece);
        if (dots == 0u) depth++;
        if (dots != 2u) continue;
        if (--depth == 0u) return true;
        ups--;
    }
    return false;
}

/* Write the segments of a path, dot segments removed (RFC 3986 5.2.4). One at
   the end leaves its slash, and a path that is nothing but a slash has no
   segment (RFC 7252 6.4 step 8). */
static void coap2i_write_path(coap2_writer *w, const char *path, size_t length)
{
    size_t slash = length != 0u && path[0] == '/';
    coap2i_piece piece = coap2i_pieces(path + slash, length - slash, '/');
    size_t ups = coap2i_count_ups(piece);
    bool first = true;
    do {
        bool last = coap2i_piece_is_last(&piece);
        uint8_t dots = coap2i_dots(&piece);
        if (dots == 2u) ups--;
        if (dots != 0u && !last) continue;
        if (last && first && (dots != 0u || piece.length == 0u)) continue;
        if (dots == 0u && coap2i_is_taken_back(piece, ups)) continue;
        coap2i_write_decoded(w, COAP2_OPT_URI_PATH, piece.text,
                             dots != 0u ? 0u : piece.length);
        first = false;
    } while (coap2i_next_piece(&piece));
}

COAP2_DEF void coap2_write_uri(coap2_writer *w, const coap2_uri *uri)
{
    coap2i_piece piece;
    if (uri->path == NULL) {
        coap2i_fail(w, COAP2_ERR_ARG);
        return;
    }
    if (uri->kind == COAP2_HOST_NAME)
        coap2i_write_decoded(w, COAP2_OPT_URI_HOST, uri->host,
                             uri->host_length);
    coap2i_write_path(w, uri->path, uri->path_length);
    if (uri->query == NULL) return;
    piece = coap2i_pieces(uri->query, uri->query_length, '&');
    do {
        coap2i_write_decoded(w, COAP2_OPT_URI_QUERY, piece.text, piece.length);
    } while (coap2i_next_piece(&piece));
}

static void coap2i_put_flash(coap2_writer *w, const char *flash_text)
{
    char c;
    while ((c = coap2i_flash_char(flash_text++)) != '\0')
        coap2i_put(w, (uint8_t)c);
}

static void coap2i_put_decimal(coap2_writer *w, uint16_t value)
{
    uint16_t unit = 10000;
    while (unit > value && unit > 1u) unit = (uint16_t)(unit / 10u);
    for (; unit != 0u; unit = (uint16_t)(unit / 10u))
        coap2i_put(w, (uint8_t)('0' + value / unit % 10u));
}

/* A hexadecimal digit, with letters from `ten` on. No table: avr-gcc 5 merges
   one in flash with one that the program has in RAM. */
static uint8_t coap2i_digit(uint8_t value, char ten)
{
    return (uint8_t)(value < 10u ? '0' + value : ten - 10 + value);
}

/* Write a byte as it may stand in a part of a URI. */
static void coap2i_put_uri(coap2_writer *w, uint8_t byte, uint8_t marks)
{
    if (coap2i_is_uri_char((char)byte, marks)) {
        coap2i_put(w, byte);
        return;
    }
    coap2i_put(w, '%');
    coap2i_put(w, coap2i_digit(byte / 16u, 'A'));
    coap2i_put(w, coap2i_digit(byte % 16u, 'A'));
}

static void coap2i_put_ipv4(coap2_writer *w, const uint8_t address[4])
{
    uint8_t i;
    for (i = 0; i < 4u; i++) {
        if (i != 0u) coap2i_put(w, '.');
        coap2i_put_decimal(w, address[i]);
    }
}

static void coap2i_put_hex_group(coap2_writer *w, uint16_t group)
{
    uint8_t shift = 12;
    while (shift != 0u && group >> shift == 0u) shift = (uint8_t)(shift - 4u);
    for (;; shift = (uint8_t)(shift - 4u)) {
        coap2i_put(w, coap2i_digit((uint8_t)(group >> shift & 15), 'a'));
        if (shift == 0u) break;
    }
}

/* How many groups from `at` on are zero. */
static uint8_t coap2i_zero_groups(const uint8_t address[16], uint8_t at)
{
    uint8_t end = at;
    while (end < 15u && address[end] == 0u && address[end + 1u] == 0u)
        end = (uint8_t)(end + 2u);
    return (uint8_t)((uint8_t)(end - at) / 2u);
}

/* Write an IPv6 address as RFC 5952 has it: lower case, the first longest run
   of zero groups, two at the least, as `::`, and one that stands for an IPv4
   address with that at its end. */
COAP2I_RARE void coap2i_put_ipv6(coap2_writer *w, const uint8_t address[16])
{
    uint8_t at, gap = COAP2I_NO_GAP, longest = 1;
    if (coap2i_zero_groups(address, 0) == 5u && address[10] == 0xffu &&
        address[11] == 0xffu) {
        coap2i_put_flash(w, COAP2_TEXT("::ffff:"));
        coap2i_put_ipv4(w, address + 12);
        return;
    }
    for (at = 0; at < 16u; at = (uint8_t)(at + 2u)) {
        uint8_t zeros = coap2i_zero_groups(address, at);
        if (zeros <= longest) continue;
        longest = zeros;
        gap = at;
    }
    for (at = 0; at < 16u; at = (uint8_t)(at + 2u)) {
        if (at == gap) {
            coap2i_put_flash(w, COAP2_TEXT("::"));
            at = (uint8_t)(at + 2u * longest - 2u);
            continue;
        }
        if (at != 0u && at != gap + 2u * longest) coap2i_put(w, ':');
        coap2i_put_hex_group(w,
                             (uint16_t)(address[at] * 256u + address[at + 1u]));
    }
}

/* Write the host of a destination as text: lower case, an IPv6 address in
   brackets, its zone behind `%25` (RFC 6874). */
static void coap2i_put_host(coap2_writer *w, const coap2_uri *to)
{
    uint8_t address[16];
    size_t at = 0;
    if (to->kind == COAP2_HOST_IPV6) {
        if (coap2_uri_address(to, address) == 0u) {
            coap2i_fail(w, COAP2_ERR_ARG);
            return;
        }
        at = coap2i_before_zone(to->host, to->host_length);
        coap2i_put(w, '[');
        coap2i_put_ipv6(w, address);
        if (at != to->host_length) {
            coap2i_put_flash(w, COAP2_TEXT("%25"));
            at += coap2i_zone_mark(to->host + at, to->host_length - at);
        }
        while (at < to->host_length)
            coap2i_put_uri(w, coap2i_uri_byte(to->host, &at), COAP2I_IN_ZONE);
        coap2i_put(w, ']');
        return;
    }
    while (at < to->host_length) {
        bool plain = coap2i_is_letter(to->host[at]);
        uint8_t byte = coap2i_uri_byte(to->host, &at);
        coap2i_put_uri(w, (uint8_t)(plain ? byte | 0x20u : byte),
                       COAP2I_IN_HOST);
    }
}

/* Write an option's value with what separates it from the one before. */
static void coap2i_put_piece(coap2_writer *w, uint8_t separator,
                             const coap2_opt *opt, uint8_t marks)
{
    size_t i;
    if (opt->length > 255u) coap2i_fail(w, COAP2_ERR_ARG);
    coap2i_put(w, separator);
    for (i = 0; i < opt->length; i++) {
        /* an `&` inside an argument would split it */
        bool splits = marks == COAP2I_IN_QUERY && opt->value[i] == '&';
        coap2i_put_uri(w, opt->value[i], splits ? 0u : marks);
    }
}

/* RFC 7252 6.5 steps 6 to 9: the path, then the query. A segment that would
   be a dot segment has no URI. */
static void coap2i_put_target(coap2_writer *w, const coap2_msg *msg)
{
    coap2_opt opt = msg->options;
    bool path = false, query = false;
    while (coap2_opt_next(&opt)) {
        if (opt.number == COAP2_OPT_URI_PATH) {
            if (coap2_opt_is(&opt, ".") || coap2_opt_is(&opt, ".."))
                coap2i_fail(w, COAP2_ERR_ARG);
            coap2i_put_piece(w, '/', &opt, COAP2I_IN_SEGMENT);
            path = true;
        } else if (opt.number == COAP2_OPT_URI_QUERY) {
            if (!path) coap2i_put(w, '/');
            path = true;
            coap2i_put_piece(w, query ? '&' : '?', &opt, COAP2I_IN_QUERY);
            query = true;
        }
    }
    if (!path) coap2i_put(w, '/');
}

static void coap2i_put_scheme(coap2_writer *w, uint8_t scheme)
{
    coap2i_put_flash(w, COAP2_TEXT("coap"));
    if (scheme & 1u) coap2i_put(w, 's');
    if (scheme >= COAP2_SCHEME_COAP_WS)
        coap2i_put_flash(w, COAP2_TEXT("+ws"));
    else if (scheme >= COAP2_SCHEME_COAP_TCP)
        coap2i_put_flash(w, COAP2_TEXT("+tcp"));
    coap2i_put_flash(w, COAP2_TEXT("://"));
}

/* Uri-Host may hold an IPv6 address in brackets: as a destination. */
static bool coap2i_host_literal(coap2_uri *to, const coap2_opt *host)
{
    const char *text = (const char *)host->value;
    size_t fault_at;
    if (host->length < 2u || text[0] != '[' || text[host->length - 1u] != ']')
        return false;
    to->kind = COAP2_HOST_IPV6;
    to->host = text + 1;
    to->host_length = host->length - 2u;
    return coap2i_uri_ipv6(to->host, to->host_length, &fault_at);
}

/* The value of Uri-Host, or else the destination. RFC 7252 6.5 step 2 fails
   where a value is no valid host; here it is percent-encoded instead, so that
   what was decoded comes back. */
static void coap2i_put_authority(coap2_writer *w, const coap2_uri *to,
                                 const coap2_msg *msg)
{
    coap2_opt opt;
    coap2_uri literal;
    size_t i;
    if (!coap2_msg_find(msg, COAP2_OPT_URI_HOST, &opt)) {
        coap2i_put_host(w, to);
        return;
    }
    if (opt.length == 0u || opt.length > 255u) coap2i_fail(w, COAP2_ERR_ARG);
    if (coap2i_host_literal(&literal, &opt)) {
        coap2i_put_host(w, &literal);
        return;
    }
    for (i = 0; i < opt.length; i++)
        coap2i_put_uri(w, opt.value[i], COAP2I_IN_HOST);
}

COAP2_DEF size_t coap2_uri_text(char *text, size_t size, const coap2_uri *to,
                                const coap2_msg *msg)
{
    coap2_writer w;
    coap2_opt opt;
    uint32_t port = to->port;
    coap2_write_start(&w, text, size);
    if (to->kind == COAP2_HOST_NONE) coap2i_fail(&w, COAP2_ERR_ARG);
    coap2i_put_scheme(&w, to->scheme);
    coap2i_put_authority(&w, to, msg);
    if (coap2_msg_find(msg, COAP2_OPT_URI_PORT, &opt) &&
        (opt.length > 2u || !coap2_opt_uint(&opt, &port)))
        coap2i_fail(&w, COAP2_ERR_ARG);
    if (port != coap2i_default_port(to->scheme)) {
        coap2i_put(&w, ':');
        coap2i_put_decimal(&w, (uint16_t)port);
    }
    coap2i_put_target(&w, msg);
    coap2i_put(&w, '\0');
    return w.error == COAP2_OK ? coap2_write_end(&w) - 1u : 0u;
}

#endif /* COAP2_WITH_URI */

/* ---- >>links: link lists -------------------------------------------------
   Knows RFC 6690's text, as a list to read and as a body to write. */

#if COAP2_WITH_LINKS || COAP2_WITH_FIELDS

/* Smaller than a text of one character at each place. */
COAP2I_RARE void coap2i_body_char(coap2_writer *w, char c)
{
    coap2_write_body(w, &c, 1);
}

#endif

#if COAP2_WITH_LINKS || COAP2_WITH_SERVER

static bool coap2i_is_word(const char *text, size_t length,
                           const char *flash_word)
{
    size_t i;
    for (i = 0; i < length; i++) {
        char c = coap2i_flash_char(flash_word + i);
        if (c == '\0' || c != text[i]) return false;
    }
    return coap2i_flash_char(flash_word + length) == '\0';
}

/* Attributes whose value is a list with blanks between (RFC 6690 2, 7252
   7.2.1). */
static const char coap2i_lists[][4] COAP2_FLASH = {"rt", "if", "ct", "rel",
                                                   "rev"};

static bool coap2i_is_list(const char *name, size_t length)
{
    size_t i;
    for (i = 0; i < sizeof coap2i_lists / sizeof coap2i_lists[0]; i++)
        if (coap2i_is_word(name, length, coap2i_lists[i])) return true;
    return false;
}

/* What a filter asks for. */
typedef struct coap2i_pattern {
    const char *text;
    size_t length;
    bool prefix; /* a star stood at the end */
    bool list;   /* one member will do */
} coap2i_pattern;

/* Read a filter; returns the length of the attribute's name. */
static size_t coap2i_read_pattern(coap2i_pattern *pattern, const char *query,
                                  size_t length)
{
    size_t name = 0;
    while (name < length && query[name] != '=') name++;
    pattern->prefix = name == length || query[length - 1u] == '*';
    pattern->text = query + name + (name != length);
    pattern->length = (size_t)(query + length - pattern->text);
    if (pattern->length != 0u && pattern->prefix) pattern->length--;
    pattern->list = pattern->length != 0u && coap2i_is_list(query, name);
    return name;
}

#endif

#if COAP2_WITH_LINKS

COAP2_DEF coap2_link coap2_links(const char *text, size_t length)
{
    coap2_link link;
    memset(&link, 0, sizeof link);
    link.text = text;
    link.length = length;
    return link;
}

static bool coap2i_has_char(const char *flash_text, char c)
{
    char mark;
    while ((mark = coap2i_flash_char(flash_text++)) != '\0')
        if (mark == c) return true;
    return false;
}

/* parmname of RFC 6690 2 (attr-char of RFC 5987), with a star at the end. */
static size_t coap2i_attr_name(const char *text, size_t length, size_t at)
{
    size_t first = at;
    while (at < length &&
           (coap2i_is_letter(text[at]) || coap2i_is_digit(text[at]) ||
            coap2i_has_char(COAP2_TEXT("!#$&+-.^_`|~"), text[at])))
        at++;
    if (at != first && at < length && text[at] == '*') at++;
    return at;
}

/* ptoken: what is visible, but for four marks. */
static size_t coap2i_attr_token(const char *text, size_t length, size_t at)
{
    while (at < length && text[at] > ' ' && text[at] < 0x7f &&
           !coap2i_has_char(COAP2_TEXT("\",;\\"), text[at]))
        at++;
    return at;
}

/* What stands in a quoted text behind a backslash only (RFC 2616 2.2). */
static bool coap2i_wants_escape(char c)
{
    uint8_t byte = (uint8_t)c;
    return c == '"' || c == '\\' || (byte < 0x20u && c != '\t') ||
           byte == 0x7fu;
}

/* The end of a quoted text, at its closing quote; where it is wrong else. */
static size_t coap2i_attr_quoted(const char *text, size_t length, size_t at)
{
    while (at < length && text[at] != '"') {
        uint8_t c = (uint8_t)text[at];
        if (c == '\\') {
            at++;
            if (at == length || (uint8_t)text[at] > 0x7fu) return at;
        } else if (coap2i_wants_escape(text[at])) {
            return at;
        }
        at++;
    }
    return at;
}

/* The value at *at, which then stands behind it, or where it is malformed. */
static bool coap2i_attr_value(const char *text, size_t length, size_t *at,
                              coap2_attr *attr)
{
    size_t end;
    attr->quoted = *at < length && text[*at] == '"';
    if (attr->quoted) ++*at;
    end = attr->quoted ? coap2i_attr_quoted(text, length, *at)
                       : coap2i_attr_token(text, length, *at);
    attr->value = text + *at;
    attr->value_length = end - *at;
    *at = end;
    if (!attr->quoted) return attr->value_length != 0u;
    if (end == length || text[end] != '"') return false;
    ++*at;
    return true;
}

/* One attribute at *at, behind its semicolon; *at then stands behind it, or
   where it is malformed. A name with a star has a value, without quotes (RFC
   6690 2, RFC 5987 3.2). */
static bool coap2i_attr_parse(const char *text, size_t length, size_t *at,
                              coap2_attr *attr)
{
    size_t end = coap2i_attr_name(text, length, *at);
    bool star = end != *at && text[end - 1u] == '*';
    attr->name = text + *at;
    attr->name_length = end - *at;
    attr->value = NULL;
    attr->value_length = 0;
    attr->quoted = false;
    *at = end;
    if (attr->name_length == 0u) return false;
    if (end == length || text[end] != '=') return !star;
    ++*at;
    if (star && *at < length && text[*at] == '"') return false;
    return coap2i_attr_value(text, length, at, attr);
}

/* One link at *at, which then stands behind it, or where it is malformed. */
static bool coap2i_link_parse(coap2_link *link, size_t *at)
{
    coap2_attr attr;
    const char *text = link->text;
    size_t end;
    if (*at == link->length || text[*at] != '<') return false;
    ++*at;
    end = coap2i_uri_span(text, link->length, *at, COAP2I_IN_REFERENCE);
    link->target = text + *at;
    link->target_length = end - *at;
    *at = end;
    if (end == link->length || text[end] != '>') return false;
    ++*at;
    link->attributes = text + *at;
    while (*at < link->length && text[*at] == ';') {
        ++*at;
        if (!coap2i_attr_parse(text, link->length, at, &attr)) return false;
    }
    link->attributes_length = (size_t)(text + *at - link->attributes);
    return *at == link->length || text[*at] == ',';
}

COAP2_DEF bool coap2_link_next(coap2_link *link)
{
    size_t at = link->position;
    link->attributes_length = 0;
    if (at == link->length || link->error != COAP2_OK) return false;
    if (at != 0u) at++;
    if (!coap2i_link_parse(link, &at)) link->error = COAP2_ERR_FORMAT;
    link->position = at;
    return link->error == COAP2_OK;
}

COAP2_DEF coap2_attr coap2_link_attrs(const coap2_link *link)
{
    coap2_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.name = link->attributes;
    attr.end = link->attributes + link->attributes_length;
    return attr;
}

COAP2_DEF bool coap2_attr_next(coap2_attr *attr)
{
    const char *text = attr->name + attr->name_length;
    size_t at = 1;
    if (attr->value != NULL) text = attr->value + attr->value_length;
    if (attr->quoted) text++;
    if (text == attr->end) return false;
    return coap2i_attr_parse(text, (size_t)(attr->end - text), &at, attr);
}

COAP2_DEF bool coap2_link_find(const coap2_link *link, const char *name,
                               coap2_attr *attr)
{
    size_t length = strlen(name);
    *attr = coap2_link_attrs(link);
    while (coap2_attr_next(attr))
        if (attr->name_length == length &&
            memcmp(attr->name, name, length) == 0)
            return true;
    return false;
}

COAP2_DEF size_t coap2_attr_text(const coap2_attr *attr, char *text,
                                 size_t size)
{
    size_t at = 0, length = 0;
    for (; at < attr->value_length; at++, length++) {
        if (attr->quoted && attr->value[at] == '\\') at++;
        if (length < size) text[length] = attr->value[at];
    }
    return length;
}

/* Compare a value, escapes undone, as a whole or member by member. */
static bool coap2i_value_matches(const coap2_attr *attr,
                                 const coap2i_pattern *pattern)
{
    size_t at = 0, same = 0;
    bool alike = true;
    if (pattern->prefix && pattern->length == 0u) return true;
    if (pattern->length == 0u) return attr->value_length == 0u;
    for (; at < attr->value_length; at++) {
        char c;
        if (attr->quoted && attr->value[at] == '\\') at++;
        c = attr->value[at];
        if (pattern->list && c == ' ') {
            if (alike && same == pattern->length) return true;
            same = 0;
            alike = true;
        } else if (same < pattern->length) {
            alike = alike && c == pattern->text[same++];
        } else if (!pattern->prefix) {
            alike = false;
        }
    }
    return alike && same == pattern->length;
}

COAP2_DEF bool coap2_link_matches(const coap2_link *link, const char *query,
                                  size_t length)
{
    coap2_attr attr = coap2_link_attrs(link);
    coap2i_pattern pattern;
    size_t name = coap2i_read_pattern(&pattern, query, length);
    if (length == 0u) return true;
    if (coap2i_is_word(query, name, COAP2_TEXT("href"))) {
        attr.value = link->target;
        attr.value_length = link->target_length;
        return coap2i_value_matches(&attr, &pattern);
    }
    while (coap2_attr_next(&attr))
        if (attr.name_length == name && memcmp(attr.name, query, name) == 0 &&
            coap2i_value_matches(&attr, &pattern))
            return true;
    return false;
}

COAP2_DEF void coap2_write_link(coap2_writer *w, const char *target,
                                size_t length)
{
    if (coap2i_uri_span(target, length, 0, COAP2I_IN_REFERENCE) != length)
        coap2i_fail(w, COAP2_ERR_ARG);
    if (w->body_length != 0u) coap2i_body_char(w, ',');
    coap2i_body_char(w, '<');
    coap2_write_body(w, target, length);
    coap2i_body_char(w, '>');
}

/* A cardinal (RFC 6690 2): digits, without a leading zero. */
static bool coap2i_is_cardinal(const char *text, size_t length)
{
    size_t digits = 0;
    while (digits < length && coap2i_is_digit(text[digits])) digits++;
    return digits == length && length != 0u && (length == 1u || *text != '0');
}

/* Does an attribute of this name and value stand without quotes? */
static bool coap2i_is_bare(const char *name, size_t name_length,
                           const char *value, size_t length)
{
    if (name_length != 0u && name[name_length - 1u] == '*') return true;
    if (coap2i_is_word(name, name_length, COAP2_TEXT("hreflang")))
        return length != 0u && coap2i_attr_token(value, length, 0) == length;
    return coap2i_is_cardinal(value, length) &&
           (coap2i_is_word(name, name_length, COAP2_TEXT("sz")) ||
            coap2i_is_word(name, name_length, COAP2_TEXT("ct")));
}

COAP2_DEF void coap2_write_attr(coap2_writer *w, const char *name,
                                const char *value, size_t length)
{
    size_t i, name_length = strlen(name);
    if (name_length == 0u ||
        coap2i_attr_name(name, name_length, 0) != name_length)
        coap2i_fail(w, COAP2_ERR_ARG);
    coap2i_body_char(w, ';');
    coap2_write_body(w, name, name_length);
    if (value == NULL) return;
    coap2i_body_char(w, '=');
    if (coap2i_is_bare(name, name_length, value, length)) {
        if (length == 0u || coap2i_attr_token(value, length, 0) != length)
            coap2i_fail(w, COAP2_ERR_ARG);
        coap2_write_body(w, value, length);
        return;
    }
    coap2i_body_char(w, '"');
    for (i = 0; i < length; i++) {
        if (coap2i_wants_escape(value[i])) coap2i_body_char(w, '\\');
        coap2i_body_char(w, value[i]);
    }
    coap2i_body_char(w, '"');
}

#endif /* COAP2_WITH_LINKS */

/* ---- >>fields: values and fields -----------------------------------------
   Knows variables by their rows, exact decimals, and three ways to write both:
   text, JSON (RFC 8259) and CBOR (RFC 8949). Knows no messages but the
   writer's body, and no resources. */

#if COAP2_WITH_FIELDS

/* Numbers are exact, unless digits had to be rounded away. An exponent of
   COAP2I_HUGE or COAP2I_TINY says no more than that. */
enum { COAP2I_HUGE = 127, COAP2I_TINY = -128 };

/* A kind: reading cannot go on behind it. What is no value for a variable, such
   as null, is missing. */
enum { COAP2I_NESTED = COAP2_VALUE_TEXT + 1 };

/* How a text stands there, and what was done to a number. */
enum {
    COAP2I_PLAIN,  /* no escapes                     */
    COAP2I_CUT,    /* the same, but kept in part     */
    COAP2I_QUOTED, /* a backslash keeps what follows */
    COAP2I_JSON,   /* RFC 8259 7                     */
    COAP2I_ROUNDED
};

/* Not memset: small machines take this often. */
static void coap2i_value_clear(coap2_value *value)
{
    value->kind = COAP2_VALUE_MISSING;
    value->form = COAP2I_PLAIN;
    value->exponent = 0;
    value->negative = false;
    value->magnitude = 0;
    value->text = NULL;
    value->length = 0;
}

#define COAP2I_TENTH_OF_ALL (UINT32_MAX / 10u) /* what can be ten times more */

/* Make a number ten times what it is; false if that has no room. */
COAP2I_RARE bool coap2i_tenfold(uint32_t *number)
{
    if (*number > COAP2I_TENTH_OF_ALL) return false;
    *number *= 10u;
    return true;
}

enum { COAP2I_DIGITS = 10 }; /* of 32 bits */

static const uint32_t coap2i_powers[] COAP2_FLASH = {
    1000000000u, 100000000u, 10000000u, 1000000u, 100000u,
    10000u,      1000u,      100u,      10u,      1u};

/* The digits of a number by subtraction, since a division costs a small
   machine more. Most numbers are small. Returns the end of them; zero has
   none. */
COAP2I_RARE uint8_t *coap2i_digits(uint8_t *digits, uint32_t rest)
{
    const uint32_t *at = coap2i_powers;
    uint8_t *to = digits;
    uint32_t power;
    if (rest <= UINT16_MAX) at += 5;
    do {
        power = COAP2I_FLASH_U32(at++);
        for (*to = '0'; rest >= power; rest -= power) ++*to;
        if (to != digits || *to != '0') to++;
    } while (power != 1u);
    return to;
}

enum { COAP2I_NUMBER_TEXT = 20 }; /* a sign, ten digits, nine zeros */

/* Write a number in plain digits, as few as are exact; returns what follows.
   Places count from the first digit: those before it and behind the last are
   zeros. */
static uint8_t *coap2i_put_number(uint8_t *to, const coap2_value *n)
{
    uint8_t digits[COAP2I_DIGITS];
    int8_t count = (int8_t)(coap2i_digits(digits, n->magnitude) - digits);
    int8_t point = 0, place = 0;
    if (count != 0) point = (int8_t)(count + n->exponent);
    while (count > point && count > 0 && digits[count - 1] == '0') count--;
    if (n->negative) *to++ = '-';
    if (point <= 0) place = (int8_t)(point - 1);
    for (; place < count || place < point; place++) {
        if (place == point) *to++ = '.';
        *to++ = place >= 0 && place < count ? digits[place] : (uint8_t)'0';
    }
    return to;
}

enum { COAP2I_SIGNED = 0x10, COAP2I_WIDTH_MASK = 15 }; /* bits of a type */

/* An integer or bool, its sign extended. The copies allow any variable of that
   width, an enum too. */
static uint32_t coap2i_load(const void *variable, uint8_t type)
{
    uint8_t byte;
    uint16_t half;
    uint32_t whole;
    switch (type & COAP2I_WIDTH_MASK) {
    case 1:
        memcpy(&byte, variable, sizeof byte);
        return type & COAP2I_SIGNED ? (uint32_t)(int8_t)byte : byte;
    case 2:
        memcpy(&half, variable, sizeof half);
        return type & COAP2I_SIGNED ? (uint32_t)(int16_t)half : half;
    default:
        memcpy(&whole, variable, sizeof whole);
        return whole;
    }
}

static void *coap2i_field_variable(const coap2_field *field)
{
    return COAP2I_FLASH_WORD(void *, &field->variable);
}

/* A text's array may be full, without a NUL. */
COAP2I_RARE void coap2i_field_text(const coap2_field *field, coap2_value *value)
{
    const char *text = (const char *)coap2i_field_variable(field);
    uint16_t size = COAP2I_FLASH_WORD(uint16_t, &field->size), length = 0;
    while (length < size && text[length] != '\0') length++;
    value->kind = COAP2_VALUE_TEXT;
    value->form = COAP2I_PLAIN;
    value->text = text;
    value->length = length;
}

/* What a variable or its getter says. */
static void coap2i_field_value(const coap2_field *field, coap2_value *value)
{
    uint8_t type = COAP2I_FLASH_BYTE(&field->type);
    coap2_getter_fn get = COAP2I_FLASH_WORD(coap2_getter_fn, &field->getter);
    uint32_t number;
    if (type == COAP2_CHARS) {
        coap2i_field_text(field, value);
        return;
    }
    number = get != NULL ? (uint32_t)get()
                         : coap2i_load(coap2i_field_variable(field), type);
    value->kind = COAP2_VALUE_NUMBER;
    value->exponent = (int8_t)COAP2I_FLASH_BYTE(&field->exponent);
    value->negative = false;
    if (type == COAP2_BOOL) {
        value->kind = COAP2_VALUE_BOOL;
        number = number != 0u;
    } else if ((type & COAP2I_SIGNED) && number > INT32_MAX) {
        value->negative = true;
        number = 0u - number;
    }
    value->magnitude = number;
}

static uint8_t *coap2i_put_word(uint8_t *to, const char *flash_text,
                                uint8_t size)
{
    char c;
    while (size-- != 0u && (c = coap2i_flash_char(flash_text++)) != '\0')
        *to++ = (uint8_t)c;
    return to;
}

static uint8_t *coap2i_put_name(uint8_t *to, const coap2_field *field)
{
    return coap2i_put_word(to, field->name, sizeof field->name);
}

static uint8_t *coap2i_put_bool(uint8_t *to, bool value)
{
    if (value) return coap2i_put_word(to, COAP2_TEXT("true"), 4);
    return coap2i_put_word(to, COAP2_TEXT("false"), 5);
}

/* A number or bool, as text and JSON have it. */
static uint8_t *coap2i_put_plain(uint8_t *to, const coap2_value *value)
{
    if (value->kind == COAP2_VALUE_BOOL)
        return coap2i_put_bool(to, value->magnitude != 0u);
    return coap2i_put_number(to, value);
}

/* Write a text in quotes. Quotes and backslashes get a backslash; control
   characters too, in JSON (RFC 8259 7). */
static void coap2i_write_quoted(coap2_writer *w, const char *text,
                                size_t length, bool json)
{
    size_t i;
    coap2i_body_char(w, '"');
    for (i = 0; i < length; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c == '"' || c == '\\') coap2i_body_char(w, '\\');
#if COAP2_WITH_JSON
        if (json && c < 0x20u) {
            uint8_t escape[] = {'\\', 'u', '0', '0', '0', 0};
            if (c > 15u) escape[4] = '1';
            c &= 15u;
            escape[5] = (uint8_t)(c < 10u ? c + '0' : c + 'a' - 10);
            coap2_write_body(w, escape, sizeof escape);
            continue;
        }
#else
        (void)json;
#endif
        coap2i_body_char(w, text[i]);
    }
    coap2i_body_char(w, '"');
}

static bool coap2i_is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Would a text of a list not be read back as it stands? */
static bool coap2i_needs_quotes(const char *text, size_t length)
{
    size_t i;
    if (length == 0u || text[0] == '"') return true;
    for (i = 0; i < length; i++)
        if (coap2i_is_blank((uint8_t)text[i])) return true;
    return false;
}

/* What stands before a value, the value, and room to spare for CBOR, whose
   numbers are shorter. */
enum { COAP2I_PIECE = COAP2_FIELD_NAME + 4 + COAP2I_NUMBER_TEXT };

COAP2I_RARE void coap2i_write_chars(coap2_writer *w, const coap2_value *value,
                                    bool in_list)
{
    if (in_list && coap2i_needs_quotes(value->text, value->length))
        coap2i_write_quoted(w, value->text, value->length, false);
    else
        coap2_write_body(w, value->text, value->length);
}

static void coap2i_write_text_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], left;
    coap2_value value;
    for (left = count; left != 0u; left--, field++) {
        uint8_t *to = piece;
        coap2i_field_value(field, &value);
        if (left != count) *to++ = ' ';
        if (count != 1u) {
            to = coap2i_put_name(to, field);
            *to++ = '=';
        }
        if (value.kind != COAP2_VALUE_TEXT) to = coap2i_put_plain(to, &value);
        coap2_write_body(w, piece, (size_t)(to - piece));
        if (value.kind == COAP2_VALUE_TEXT)
            coap2i_write_chars(w, &value, count != 1u);
    }
}

#if COAP2_WITH_JSON

static void coap2i_write_json_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], i;
    coap2_value value;
    coap2i_body_char(w, '{');
    for (i = 0; i < count; i++, field++) {
        uint8_t *to = piece;
        coap2i_field_value(field, &value);
        if (i != 0u) *to++ = ',';
        *to++ = '"';
        to = coap2i_put_name(to, field);
        *to++ = '"';
        *to++ = ':';
        if (value.kind != COAP2_VALUE_TEXT) to = coap2i_put_plain(to, &value);
        coap2_write_body(w, piece, (size_t)(to - piece));
        if (value.kind == COAP2_VALUE_TEXT)
            coap2i_write_quoted(w, value.text, value.length, true);
    }
    coap2i_body_char(w, '}');
}

#endif /* COAP2_WITH_JSON */

#if COAP2_WITH_CBOR

/* Major types (RFC 8949 3.1), and what we know of the others. */
enum {
    COAP2I_CBOR_UINT = 0,
    COAP2I_CBOR_NEGATIVE = 1,
    COAP2I_CBOR_BYTES = 2,
    COAP2I_CBOR_TEXT = 3,
    COAP2I_CBOR_ARRAY = 4,
    COAP2I_CBOR_MAP = 5,
    COAP2I_CBOR_TAG = 6,
    COAP2I_CBOR_SIMPLE = 7,

    COAP2I_CBOR_DECIMAL = 4, /* a tag: [exponent, mantissa] (3.4.4) */
    COAP2I_CBOR_FALSE = 20,
    COAP2I_CBOR_TRUE = 21,
    COAP2I_CBOR_HALF = 25,
    COAP2I_CBOR_DOUBLE = 27,
    COAP2I_CBOR_OPEN = 31, /* of indefinite length */
    COAP2I_CBOR_BREAK = 0xff
};

/* The head of an item, in as few bytes as it takes. */
static uint8_t *coap2i_put_cbor(uint8_t *to, uint8_t major, uint32_t value)
{
    uint8_t first = (uint8_t)(major << 5), size = 0, shift;
    if (value < 24u) {
        *to++ = (uint8_t)(first | value);
        return to;
    }
    if (value > 0xffffu) {
        *to++ = (uint8_t)(first | 26u);
        size = 32;
    } else if (value > 0xffu) {
        *to++ = (uint8_t)(first | 25u);
        size = 16;
    } else {
        *to++ = (uint8_t)(first | 24u);
        size = 8;
    }
    for (shift = size; shift != 0u;) {
        shift = (uint8_t)(shift - 8u);
        *to++ = (uint8_t)(value >> shift);
    }
    return to;
}

static uint8_t *coap2i_put_cbor_int(uint8_t *to, uint32_t magnitude,
                                    bool negative)
{
    if (negative)
        return coap2i_put_cbor(to, COAP2I_CBOR_NEGATIVE, magnitude - 1u);
    return coap2i_put_cbor(to, COAP2I_CBOR_UINT, magnitude);
}

/* An integer where the number is one of 32 bits, whatever its exponent says;
   else a decimal fraction. */
static uint8_t *coap2i_put_cbor_number(uint8_t *to, const coap2_value *n)
{
    uint32_t magnitude = n->magnitude;
    int8_t exponent = n->exponent;
    while (exponent > 0 && coap2i_tenfold(&magnitude)) exponent--;
    if (exponent == 0) return coap2i_put_cbor_int(to, magnitude, n->negative);
    exponent = n->exponent;
    to = coap2i_put_cbor(to, COAP2I_CBOR_TAG, COAP2I_CBOR_DECIMAL);
    to = coap2i_put_cbor(to, COAP2I_CBOR_ARRAY, 2);
    to = coap2i_put_cbor_int(to, (uint8_t)(exponent < 0 ? -exponent : exponent),
                             exponent < 0);
    return coap2i_put_cbor_int(to, n->magnitude, n->negative);
}

static uint8_t *coap2i_put_cbor_value(uint8_t *to, const coap2_value *value)
{
    if (value->kind == COAP2_VALUE_TEXT)
        return coap2i_put_cbor(to, COAP2I_CBOR_TEXT, (uint32_t)value->length);
    if (value->kind == COAP2_VALUE_NUMBER)
        return coap2i_put_cbor_number(to, value);
    return coap2i_put_cbor(to, COAP2I_CBOR_SIMPLE,
                           value->magnitude != 0u ? COAP2I_CBOR_TRUE
                                                  : COAP2I_CBOR_FALSE);
}

static void coap2i_write_cbor_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], *to, i;
    coap2_value value;
    to = coap2i_put_cbor(piece, COAP2I_CBOR_MAP, count);
    coap2_write_body(w, piece, (size_t)(to - piece));
    for (i = 0; i < count; i++, field++) {
        uint8_t length = (uint8_t)(coap2i_put_name(piece, field) - piece);
        coap2i_field_value(field, &value);
        to = coap2i_put_cbor(piece, COAP2I_CBOR_TEXT, length);
        to = coap2i_put_name(to, field);
        to = coap2i_put_cbor_value(to, &value);
        coap2_write_body(w, piece, (size_t)(to - piece));
        if (value.kind == COAP2_VALUE_TEXT)
            coap2_write_body(w, value.text, value.length);
    }
}

#endif /* COAP2_WITH_CBOR */

COAP2_DEF coap2_result coap2_fields_write(coap2_writer *w,
                                          const coap2_field *fields,
                                          uint8_t count, uint16_t format)
{
    switch (format) {
    case COAP2_FORMAT_TEXT:
        coap2i_write_text_fields(w, fields, count);
        break;
#if COAP2_WITH_JSON
    case COAP2_FORMAT_JSON:
        coap2i_write_json_fields(w, fields, count);
        break;
#endif
#if COAP2_WITH_CBOR
    case COAP2_FORMAT_CBOR:
        coap2i_write_cbor_fields(w, fields, count);
        break;
#endif
    default:
        return COAP2_ERR_ARG;
    }
    return w->error;
}

/* A walk through the bytes of a text, its escapes undone. They were checked. */
typedef struct coap2i_text {
    const uint8_t *at, *end;
    uint8_t form;
#if COAP2_WITH_JSON
    uint8_t waiting; /* bytes of a character that was an escape, */
    uint8_t rest[3]; /* the last one first                       */
#endif
} coap2i_text;

typedef struct coap2i_member {
    coap2_value name;  /* a text; missing: the payload is a value without one */
    coap2_value value; /* its text is NULL where it cannot be read as one */
} coap2i_member;

/* A walk through the members of a payload. */
typedef struct coap2i_reader {
    const uint8_t *at, *end;
    uint32_t left; /* members of a CBOR map */
    uint16_t format;
    bool begun;
    bool open;  /* a CBOR map of indefinite length */
    bool alone; /* a text of one value, without a name */
} coap2i_reader;

typedef enum coap2i_step {
    COAP2I_STEP,
    COAP2I_END,
    COAP2I_MALFORMED
} coap2i_step;

static void coap2i_text_begin(coap2i_text *text, const coap2_value *value)
{
    text->at = (const uint8_t *)value->text;
    text->end = text->at + value->length;
    text->form = value->form;
#if COAP2_WITH_JSON
    text->waiting = 0;
#endif
}

static void coap2i_value_text(coap2_value *value, const uint8_t *at,
                              const uint8_t *end, uint8_t form)
{
    value->kind = COAP2_VALUE_TEXT;
    value->form = form;
    value->text = (const char *)at;
    value->length = (size_t)(end - at);
}

static void coap2i_value_number(coap2_value *value, uint32_t magnitude,
                                ptrdiff_t exponent, bool negative)
{
    if (magnitude == 0u) exponent = 0;
    if (exponent > COAP2I_HUGE) exponent = COAP2I_HUGE;
    if (exponent < COAP2I_TINY) exponent = COAP2I_TINY;
    value->kind = COAP2_VALUE_NUMBER;
    value->form = COAP2I_PLAIN;
    value->magnitude = magnitude;
    value->exponent = (int8_t)exponent;
    value->negative = negative && magnitude != 0u;
}

static void coap2i_value_bool(coap2_value *value, bool truth)
{
    coap2i_value_number(value, truth, 0, false);
    value->kind = COAP2_VALUE_BOOL;
}

/* A number on its way in, digit by digit. Zeros wait until a digit follows,
   so that 25.500000000000 needs no more room than 25.5. */
typedef struct coap2i_decimal {
    uint32_t magnitude;
    uint32_t before; /* the magnitude without its last digit */
    ptrdiff_t exponent, zeros;
    bool rounded;
} coap2i_decimal;

/* What 32 bits do not hold becomes nine digits, half away from zero. */
static void coap2i_append_digit(coap2i_decimal *d, uint8_t digit)
{
    uint32_t magnitude = d->magnitude;
    if (d->rounded) {
        d->exponent++;
        return;
    }
    if (magnitude < COAP2I_TENTH_OF_ALL ||
        (magnitude == COAP2I_TENTH_OF_ALL && digit < 6u)) {
        d->before = magnitude;
        d->magnitude = magnitude * 10u + digit;
        return;
    }
    d->rounded = true;
    d->exponent++;
    if (magnitude >= 1000000000u) {
        digit = (uint8_t)(magnitude - d->before * 10u);
        magnitude = d->before;
        d->exponent++;
    }
    d->magnitude = magnitude + (digit >= 5u);
}

/* Digits from `at` on; returns what follows. */
static const uint8_t *coap2i_take_digits(coap2i_decimal *d, const uint8_t *at,
                                         const uint8_t *end)
{
    for (; at != end && coap2i_is_digit((char)*at); at++) {
        if (*at == '0') {
            d->zeros++;
            continue;
        }
        for (; d->zeros != 0u; d->zeros--)
            if (d->magnitude != 0u) coap2i_append_digit(d, 0);
        coap2i_append_digit(d, (uint8_t)(*at - '0'));
    }
    return at;
}

/* An exponent behind its `e`; returns what follows, NULL if it has no digit. */
static const uint8_t *coap2i_take_exponent(coap2i_decimal *d, const uint8_t *at,
                                           const uint8_t *end)
{
    int16_t exponent = 0;
    bool negative = at != end && *at == '-';
    if (at != end && (*at == '-' || *at == '+')) at++;
    if (at == end || !coap2i_is_digit((char)*at)) return NULL;
    for (; at != end && coap2i_is_digit((char)*at); at++)
        if (exponent < 1000) exponent = (int16_t)(exponent * 10 + *at - '0');
    d->exponent += negative ? -exponent : exponent;
    return at;
}

/* A number that is all of a text; JSON wants no zeros before it. */
static bool coap2i_number_parse(coap2_value *value, const uint8_t *at,
                                const uint8_t *end, bool json)
{
    coap2i_decimal d = {0, 0, 0, 0, false};
    bool negative = at != end && *at == '-';
    const uint8_t *first;
    if (negative) at++;
    first = at;
    at = coap2i_take_digits(&d, at, end);
    if (at == first || (json && *first == '0' && at - first > 1)) return false;
    if (at != end && *at == '.') {
        first = ++at;
        at = coap2i_take_digits(&d, at, end);
        if (at == first) return false;
        d.exponent -= at - first;
    }
    if (at != end && (*at | 0x20) == 'e') {
        at = coap2i_take_exponent(&d, at + 1, end);
        if (at == NULL) return false;
    }
    if (at != end) return false;
    coap2i_value_number(value, d.magnitude, d.exponent + d.zeros, negative);
    if (d.rounded) value->form = COAP2I_ROUNDED;
    return true;
}

static bool coap2i_bytes_are(const uint8_t *at, const uint8_t *end,
                             const char *flash_word)
{
    for (; at != end; at++) {
        char c = coap2i_flash_char(flash_word++);
        if (c == '\0' || (uint8_t)c != *at) return false;
    }
    return coap2i_flash_char(flash_word) == '\0';
}

/* What a word without quotes says: a number, a bool, else a text. All are texts
   for a variable that is one. */
static void coap2i_read_word(coap2_value *value, const uint8_t *at,
                             const uint8_t *end, bool json)
{
    coap2i_value_text(value, at, end, COAP2I_PLAIN);
    if (coap2i_number_parse(value, at, end, json)) return;
    if (coap2i_bytes_are(at, end, COAP2_TEXT("true")))
        coap2i_value_bool(value, true);
    else if (coap2i_bytes_are(at, end, COAP2_TEXT("false")))
        coap2i_value_bool(value, false);
}

static void coap2i_skip_blanks(coap2i_reader *r)
{
    while (r->at != r->end && coap2i_is_blank(*r->at)) r->at++;
}

/* A text between quotes, where a backslash keeps the byte behind it. */
static bool coap2i_read_quoted(coap2i_reader *r, coap2_value *text)
{
    const uint8_t *at = r->at + 1;
    for (; at != r->end && *at != '"'; at++)
        if (*at == '\\' && ++at == r->end) break;
    if (at == r->end) return false;
    coap2i_value_text(text, r->at + 1, at, COAP2I_QUOTED);
    r->at = at + 1;
    return r->at == r->end || coap2i_is_blank(*r->at);
}

/* One `name=value` of a list. */
static coap2i_step coap2i_next_in_text(coap2i_reader *r, coap2i_member *m)
{
    const uint8_t *first;
    coap2i_skip_blanks(r);
    if (r->at == r->end) return r->begun ? COAP2I_END : COAP2I_MALFORMED;
    r->begun = true;
    first = r->at;
    while (r->at != r->end && *r->at != '=' && !coap2i_is_blank(*r->at))
        r->at++;
    if (r->at == r->end || *r->at != '=') return COAP2I_MALFORMED;
    coap2i_value_text(&m->name, first, r->at++, COAP2I_PLAIN);
    if (r->at != r->end && *r->at == '"')
        return coap2i_read_quoted(r, &m->value) ? COAP2I_STEP
                                                : COAP2I_MALFORMED;
    first = r->at;
    while (r->at != r->end && !coap2i_is_blank(*r->at)) r->at++;
    coap2i_read_word(&m->value, first, r->at, false);
    return COAP2I_STEP;
}

/* All of the payload is one value, which is a text as it stands. */
static coap2i_step coap2i_next_alone(coap2i_reader *r, coap2i_member *m)
{
    const uint8_t *first = r->at, *last = r->end;
    if (r->begun) return COAP2I_END;
    r->begun = true;
    while (first != last && coap2i_is_blank(*first)) first++;
    while (first != last && coap2i_is_blank(last[-1])) last--;
    coap2i_read_word(&m->value, first, last, false);
    m->value.text = (const char *)r->at;
    m->value.length = (size_t)(r->end - r->at);
    return COAP2I_STEP;
}

#if COAP2_WITH_JSON

/* Four hexadecimal digits; false if they are not there. */
static bool coap2i_json_hex(const uint8_t *at, const uint8_t *end,
                            uint16_t *code)
{
    uint8_t i;
    *code = 0;
    if (end - at < 4) return false;
    for (i = 0; i < 4u; i++) {
        uint8_t digit = coap2i_hex_digit((char)at[i]);
        if (digit > 15u) return false;
        *code = (uint16_t)(*code << 4 | digit);
    }
    return true;
}

/* The letters behind a backslash, and what they stand for. */
static const char coap2i_json_letters[] COAP2_FLASH =
    "\"\"\\\\//b\bf\fn\nr\rt\t";

/* What a letter behind a backslash stands for; 0 if it is no such letter. */
static uint8_t coap2i_json_letter(uint8_t letter)
{
    const char *p = coap2i_json_letters;
    char c;
    for (; (c = coap2i_flash_char(p)) != '\0'; p += 2)
        if ((uint8_t)c == letter) return (uint8_t)coap2i_flash_char(p + 1);
    return 0;
}

/* The length of an escape behind its backslash; 0 if it is malformed. Codes
   of the second half of a pair stand behind those of the first only. */
static uint8_t coap2i_json_escape(const uint8_t *at, const uint8_t *end)
{
    uint16_t code;
    if (at == end) return 0;
    if (coap2i_json_letter(*at) != 0u) return 1;
    if (*at != 'u' || !coap2i_json_hex(at + 1, end, &code)) return 0;
    if ((code & 0xf800u) != 0xd800u) return 5;
    if (code >= 0xdc00u || end - at < 11 || at[5] != '\\' || at[6] != 'u' ||
        !coap2i_json_hex(at + 7, end, &code) || (code & 0xfc00u) != 0xdc00u)
        return 0;
    return 11;
}

static bool coap2i_read_json_string(coap2i_reader *r, coap2_value *text)
{
    const uint8_t *at = r->at;
    if (at == r->end || *at++ != '"') return false;
    for (; at != r->end && *at != '"'; at++) {
        uint8_t length = 0;
        if (*at < 0x20u) return false;
        if (*at != '\\') continue;
        length = coap2i_json_escape(at + 1, r->end);
        if (length == 0u) return false;
        at += length;
    }
    if (at == r->end) return false;
    coap2i_value_text(text, r->at + 1, at, COAP2I_JSON);
    r->at = at + 1;
    return true;
}

static bool coap2i_read_json_value(coap2i_reader *r, coap2_value *value)
{
    const uint8_t *first = r->at;
    if (first == r->end) return false;
    value->kind = COAP2I_NESTED;
    if (*first == '{' || *first == '[') return true;
    if (*first == '"') return coap2i_read_json_string(r, value);
    while (r->at != r->end && *r->at != ',' && *r->at != '}' &&
           !coap2i_is_blank(*r->at))
        r->at++;
    coap2i_read_word(value, first, r->at, true);
    value->text = NULL;
    if (value->kind != COAP2_VALUE_TEXT) return true;
    value->kind = COAP2_VALUE_MISSING;
    return coap2i_bytes_are(first, r->at, COAP2_TEXT("null"));
}

/* Step over a sign, with blanks around it. */
static bool coap2i_json_sign(coap2i_reader *r, uint8_t sign)
{
    coap2i_skip_blanks(r);
    if (r->at == r->end || *r->at != sign) return false;
    r->at++;
    coap2i_skip_blanks(r);
    return true;
}

static coap2i_step coap2i_next_in_json(coap2i_reader *r, coap2i_member *m)
{
    bool first = !r->begun;
    r->begun = true;
    if (first && !coap2i_json_sign(r, '{')) return COAP2I_MALFORMED;
    if (coap2i_json_sign(r, '}'))
        return r->at == r->end ? COAP2I_END : COAP2I_MALFORMED;
    if (!first && !coap2i_json_sign(r, ',')) return COAP2I_MALFORMED;
    if (!coap2i_read_json_string(r, &m->name) || !coap2i_json_sign(r, ':') ||
        !coap2i_read_json_value(r, &m->value))
        return COAP2I_MALFORMED;
    return COAP2I_STEP;
}

/* The first byte of an escape's character in UTF-8; the others wait. */
static uint8_t coap2i_json_char(coap2i_text *text)
{
    uint8_t byte = coap2i_json_letter(*text->at++);
    uint8_t most = 0x3f; /* what a first byte can hold */
    uint16_t low, high;
    uint32_t code;
    if (byte != 0u) return byte;
    (void)coap2i_json_hex(text->at, text->end, &low);
    text->at += 4;
    code = low;
    if ((code & 0xf800u) == 0xd800u) {
        high = low;
        (void)coap2i_json_hex(text->at + 2, text->end, &low);
        text->at += 6;
        code = 0x10000u + ((uint32_t)(high & 0x3ffu) << 10 | (low & 0x3ffu));
    }
    if (code < 0x80u) return (uint8_t)code;
    do {
        text->rest[text->waiting++] = (uint8_t)(0x80u | (code & 0x3fu));
        code >>= 6;
        most = (uint8_t)(most >> 1);
    } while (code > most);
    return (uint8_t)((0xfeu - most * 2u) | code);
}

#endif /* COAP2_WITH_JSON */

/* The next byte of a text with its escapes undone; -1 at the end. */
static int16_t coap2i_next_byte(coap2i_text *text)
{
    uint8_t byte;
#if COAP2_WITH_JSON
    if (text->waiting != 0u) return text->rest[--text->waiting];
#endif
    if (text->at == text->end) return -1;
    byte = *text->at++;
    if (byte != '\\' || text->form <= COAP2I_CUT) return byte;
#if COAP2_WITH_JSON
    if (text->form == COAP2I_JSON) return coap2i_json_char(text);
#endif
    return *text->at++;
}

#if COAP2_WITH_CBOR

/* The head of an item, behind its tags. */
typedef struct coap2i_cbor {
    uint32_t high, value; /* 64 bits together */
    uint8_t major, info;
    bool decimal; /* the tag before it says so */
} coap2i_cbor;

static bool coap2i_read_head(coap2i_reader *r, coap2i_cbor *head)
{
    uint8_t size;
    if (r->at == r->end) return false;
    head->major = *r->at / 32u;
    head->info = (uint8_t)(*r->at++ & 31u);
    head->high = 0;
    head->value = head->info;
    if (head->info < 24u) return true;
    if (head->info == COAP2I_CBOR_OPEN)
        return head->major >= COAP2I_CBOR_BYTES &&
               head->major <= COAP2I_CBOR_MAP;
    if (head->info > COAP2I_CBOR_DOUBLE) return false;
    size = (uint8_t)(1u << (head->info - 24u));
    if (size > (size_t)(r->end - r->at)) return false;
    for (head->value = 0; size != 0u; size--) {
        head->high = head->high << 8 | head->value >> 24;
        head->value = head->value << 8 | *r->at++;
    }
    return true;
}

static bool coap2i_read_item(coap2i_reader *r, coap2i_cbor *head)
{
    head->major = COAP2I_CBOR_UINT;
    do {
        head->decimal = head->major == COAP2I_CBOR_TAG && head->high == 0u &&
                        head->value == COAP2I_CBOR_DECIMAL;
        if (!coap2i_read_head(r, head)) return false;
    } while (head->major == COAP2I_CBOR_TAG);
    return true;
}

/* The bytes of a string of a known length. */
static bool coap2i_read_string(coap2i_reader *r, const coap2i_cbor *head,
                               coap2_value *text)
{
    const uint8_t *first = r->at;
    if (head->high != 0u || head->value > (size_t)(r->end - first))
        return false;
    r->at += (size_t)head->value;
    coap2i_value_text(text, first, r->at, COAP2I_PLAIN);
    return true;
}

/* An integer; what 32 bits do not hold is huge. */
static void coap2i_cbor_int(const coap2i_cbor *head, coap2_value *n)
{
    uint32_t more = head->major == COAP2I_CBOR_NEGATIVE ? 1u : 0u;
    uint32_t magnitude = head->value + more;
    bool huge = head->high != 0u || magnitude < more;
    coap2i_value_number(n, huge ? 1u : magnitude, huge ? COAP2I_HUGE : 0,
                        more != 0u);
}

/* The two integers of a decimal fraction (RFC 8949 3.4.4). */
static bool coap2i_read_fraction(coap2i_reader *r, coap2_value *n)
{
    coap2i_cbor head;
    coap2_value exponent;
    int16_t shift;
    if (!coap2i_read_head(r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_cbor_int(&head, &exponent);
    if (!coap2i_read_head(r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_cbor_int(&head, n);
    shift = COAP2I_HUGE;
    if (exponent.exponent == 0 && exponent.magnitude < COAP2I_HUGE)
        shift = (int16_t)exponent.magnitude;
    if (exponent.negative) shift = (int16_t)(-shift - (shift == COAP2I_HUGE));
    coap2i_value_number(n, n->magnitude, n->exponent + shift, n->negative);
    return true;
}

/* A float on its way to a decimal: 64 bits, the highest first, that count
   powers of two and of ten. Long-hand, byte by byte: small, and exact enough
   for nine digits. */
typedef struct coap2i_float {
    uint8_t bits[8];
    int16_t two, ten;
} coap2i_float;

static void coap2i_float_double(coap2i_float *f)
{
    uint8_t i, carry = 0;
    for (i = 8; i-- != 0u;) {
        uint8_t byte = f->bits[i];
        f->bits[i] = (uint8_t)(byte << 1 | carry);
        carry = (uint8_t)(byte >> 7);
    }
    f->two--;
}

static void coap2i_float_halve(coap2i_float *f)
{
    uint8_t i, carry = 0;
    for (i = 0; i < 8u; i++) {
        uint8_t byte = f->bits[i];
        f->bits[i] = (uint8_t)(byte >> 1 | carry);
        carry = (uint8_t)(byte << 7);
    }
    f->two++;
}

static void coap2i_float_times_ten(coap2i_float *f)
{
    uint16_t carry = 0;
    uint8_t i;
    for (i = 8; i-- != 0u;) {
        carry = (uint16_t)(f->bits[i] * 10u + carry);
        f->bits[i] = (uint8_t)carry;
        carry >>= 8;
    }
    f->ten--;
}

/* Returns the digit that is lost. */
static uint8_t coap2i_float_tenth(coap2i_float *f)
{
    uint8_t i, digit = 0, bit;
    for (i = 0; i < 8u; i++) {
        uint8_t byte = f->bits[i];
        for (bit = 0; bit < 8u; bit++) {
            digit = (uint8_t)(digit << 1 | byte >> 7);
            byte = (uint8_t)(byte << 1);
            if (digit < 10u) continue;
            digit = (uint8_t)(digit - 10u);
            byte++;
        }
        f->bits[i] = byte;
    }
    f->ten++;
    return digit;
}

/* The low 32 bits; false if there are others. */
static bool coap2i_float_low(const coap2i_float *f, uint32_t *low)
{
    uint8_t i;
    *low = 0;
    for (i = 0; i < 8u; i++) {
        if ((*low >> 24) != 0u) return false;
        *low = *low << 8 | f->bits[i];
    }
    return true;
}

/* Take a float apart, by the width of its exponent. False if it is infinite or
   not a number (IEEE 754). */
static bool coap2i_float_open(coap2i_float *f, uint8_t width)
{
    uint16_t exponent, most = (uint16_t)((1u << width) - 1u);
    uint8_t i;
    exponent = (uint16_t)((f->bits[0] << 8 | f->bits[1]) & 0x7fff);
    exponent = (uint16_t)(exponent >> (15u - width));
    if (exponent == most) return false;
    for (i = 0; i < width; i++) coap2i_float_double(f);
    f->bits[0] |= 0x80u; /* the one that is not written */
    if (exponent == 0u) {
        f->bits[0] &= 0x7fu; /* subnormal */
        exponent = 1;
    }
    f->two = (int16_t)(exponent - most / 2u - 63u);
    f->ten = 0;
    return true;
}

/* Turn all powers of two into powers of ten. */
static void coap2i_float_to_ten(coap2i_float *f)
{
    while (f->two < 0) {
        if ((f->bits[7] & 1u) != 0u && f->bits[0] < 25u)
            coap2i_float_times_ten(f);
        else
            coap2i_float_halve(f);
    }
    while (f->two > 0) {
        if (f->bits[0] < 128u)
            coap2i_float_double(f);
        else
            (void)coap2i_float_tenth(f);
    }
}

/* Read a float of 2, 4 or 8 bytes as a decimal: an integer of 32 bits as it
   is, others of 3, 7 or 9 digits. */
static bool coap2i_float_read(coap2_value *n, const uint8_t *bytes,
                              uint8_t size)
{
    coap2i_float f;
    uint32_t most = 1000000000u, value;
    uint8_t width = 11, digit = 0;
    if (size == 4u) {
        most = 10000000u;
        width = 8;
    } else if (size == 2u) {
        most = 1000u;
        width = 5;
    }
    memset(&f, 0, sizeof f);
    memcpy(f.bits, bytes, size);
    if (!coap2i_float_open(&f, width)) return false;
    coap2i_float_to_ten(&f);
    if (!coap2i_float_low(&f, &value) || f.ten != 0) {
        while (!coap2i_float_low(&f, &value) || value >= most)
            digit = coap2i_float_tenth(&f);
        if (digit >= 5u) value++;
    }
    coap2i_value_number(n, value, f.ten, (bytes[0] & 0x80u) != 0u);
    return true;
}

/* A bool, a float, or nothing that we know; the head was read. */
static bool coap2i_read_simple(coap2i_reader *r, const coap2i_cbor *head,
                               coap2_value *value)
{
    uint8_t size;
    if (head->info == COAP2I_CBOR_FALSE || head->info == COAP2I_CBOR_TRUE) {
        coap2i_value_bool(value, head->info == COAP2I_CBOR_TRUE);
    } else if (head->info >= COAP2I_CBOR_HALF) {
        size = (uint8_t)(1u << (head->info - 24u));
        (void)coap2i_float_read(value, r->at - size, size);
    } else if (head->info == 24u && head->value < 32u) {
        return false; /* 3.3 */
    }
    return true;
}

static bool coap2i_read_cbor_value(coap2i_reader *r, coap2_value *value)
{
    coap2i_cbor head;
    if (!coap2i_read_item(r, &head)) return false;
    coap2i_value_clear(value);
    if (head.decimal && head.major == COAP2I_CBOR_ARRAY && head.info == 2u)
        return coap2i_read_fraction(r, value);
    if (head.major <= COAP2I_CBOR_NEGATIVE) {
        coap2i_cbor_int(&head, value);
        return true;
    }
    if (head.major == COAP2I_CBOR_SIMPLE)
        return coap2i_read_simple(r, &head, value);
    value->kind = COAP2I_NESTED;
    if (head.major > COAP2I_CBOR_TEXT || head.info == COAP2I_CBOR_OPEN)
        return true;
    if (!coap2i_read_string(r, &head, value)) return false;
    if (head.major == COAP2I_CBOR_BYTES) coap2i_value_clear(value);
    return true;
}

static bool coap2i_begin_cbor(coap2i_reader *r)
{
    coap2i_cbor head;
    if (!coap2i_read_item(r, &head)) return false;
    r->begun = true;
    r->open = head.info == COAP2I_CBOR_OPEN;
    r->left = head.value;
    return head.major == COAP2I_CBOR_MAP && head.high == 0u;
}

static coap2i_step coap2i_next_in_cbor(coap2i_reader *r, coap2i_member *m)
{
    coap2i_cbor head;
    bool over;
    if (!r->begun && !coap2i_begin_cbor(r)) return COAP2I_MALFORMED;
    over = r->open ? r->at != r->end && *r->at == COAP2I_CBOR_BREAK
                   : r->left == 0u;
    if (over) {
        if (r->open) r->at++;
        return r->at == r->end ? COAP2I_END : COAP2I_MALFORMED;
    }
    r->left--;
    if (!coap2i_read_item(r, &head) || head.major != COAP2I_CBOR_TEXT ||
        head.info == COAP2I_CBOR_OPEN ||
        !coap2i_read_string(r, &head, &m->name) ||
        !coap2i_read_cbor_value(r, &m->value))
        return COAP2I_MALFORMED;
    return COAP2I_STEP;
}

#endif /* COAP2_WITH_CBOR */

/* Step to the next member. */
static coap2i_step coap2i_next_member(coap2i_reader *r, coap2i_member *m)
{
    coap2i_value_clear(&m->name);
    coap2i_value_clear(&m->value);
#if COAP2_WITH_JSON
    if (r->format == COAP2_FORMAT_JSON) return coap2i_next_in_json(r, m);
#endif
#if COAP2_WITH_CBOR
    if (r->format == COAP2_FORMAT_CBOR) return coap2i_next_in_cbor(r, m);
#endif
    if (r->alone) return coap2i_next_alone(r, m);
    return coap2i_next_in_text(r, m);
}

/* Take one decimal from a number, if it is a zero. A multiple of five times
   the inverse of five, modulo 2^32, is a fifth; any other is larger. */
static bool coap2i_drop_zero(uint32_t *magnitude)
{
    uint32_t tenth = (*magnitude >> 1) * 0xcccccccdu;
    if ((*magnitude & 1u) != 0u || tenth > UINT32_MAX / 5u) return false;
    *magnitude = tenth;
    return true;
}

/* What a variable of this type holds at most, on this side of zero. */
static uint32_t coap2i_most(uint8_t type, bool negative)
{
    uint32_t most = UINT32_MAX;
    uint8_t width = type & COAP2I_WIDTH_MASK;
    if (type == COAP2_BOOL)
        most = 1;
    else if (width == 1u)
        most = UINT8_MAX;
    else if (width == 2u)
        most = UINT16_MAX;
    if (type & COAP2I_SIGNED) return most / 2u + negative;
    return negative ? 0u : most;
}

/* Turn a number into a variable's value. Returns why it cannot be, or NULL. */
static const char *coap2i_fit(const coap2_value *n, uint8_t type,
                              int8_t exponent, uint32_t *value)
{
    int16_t shift = (int16_t)(n->exponent - exponent);
    *value = n->magnitude;
    if (*value == 0u) shift = 0;
    for (; shift > 0; shift--)
        if (!coap2i_tenfold(value)) return COAP2_TEXT("out of range");
    for (; shift < 0; shift++)
        if (!coap2i_drop_zero(value)) return COAP2_TEXT("too many decimals");
    if (n->form == COAP2I_ROUNDED) return COAP2_TEXT("too many decimals");
    if (*value > coap2i_most(type, n->negative))
        return COAP2_TEXT("out of range");
    if (n->negative) *value = 0u - *value;
    return NULL;
}

static void coap2i_store(void *variable, uint8_t type, uint32_t value)
{
    uint8_t byte = (uint8_t)value;
    uint16_t half = (uint16_t)value;
    switch (type & COAP2I_WIDTH_MASK) {
    case 1:
        memcpy(variable, &byte, sizeof byte);
        break;
    case 2:
        memcpy(variable, &half, sizeof half);
        break;
    default:
        memcpy(variable, &value, sizeof value);
        break;
    }
}

static const char *coap2i_set_text(char *array, uint16_t size,
                                   const coap2_value *value, bool apply)
{
    coap2i_text text;
    uint16_t length = 0;
    int16_t byte;
    if (value->text == NULL) return COAP2_TEXT("not a text");
    coap2i_text_begin(&text, value);
    while ((byte = coap2i_next_byte(&text)) >= 0) {
        if (byte == 0) return COAP2_TEXT("holds a NUL");
        if (length + 1u >= size) return COAP2_TEXT("too long");
        if (apply) array[length] = (char)byte;
        length++;
    }
    if (apply) array[length] = '\0';
    return NULL;
}

/* Check a value against its field, and set the variable if it is to be.
   Returns why it cannot be, or NULL. */
static const char *coap2i_set_field(const coap2_field *field,
                                    const coap2_value *value, bool apply)
{
    uint8_t type = COAP2I_FLASH_BYTE(&field->type);
    void *variable = coap2i_field_variable(field);
    const char *why;
    uint32_t number;
    if (COAP2I_FLASH_BYTE(&field->writable) == 0u)
        return COAP2_TEXT("read only");
    if (value->kind == COAP2I_NESTED) return COAP2_TEXT("nested");
    if (type == COAP2_CHARS)
        return coap2i_set_text((char *)variable,
                               COAP2I_FLASH_WORD(uint16_t, &field->size), value,
                               apply);
    if (value->kind != COAP2_VALUE_NUMBER &&
        (type != COAP2_BOOL || value->kind != COAP2_VALUE_BOOL))
        return type == COAP2_BOOL ? COAP2_TEXT("not true or false")
                                  : COAP2_TEXT("not a number");
    why = coap2i_fit(value, type, (int8_t)COAP2I_FLASH_BYTE(&field->exponent),
                     &number);
    if (why == NULL && apply) coap2i_store(variable, type, number);
    return why;
}

static bool coap2i_is_name(const coap2_field *field, const coap2_value *name)
{
    coap2i_text text;
    uint8_t i;
    coap2i_text_begin(&text, name);
    for (i = 0;; i++) { /* a name ends with a NUL within its row */
        char c = coap2i_flash_char(&field->name[i]);
        int16_t byte = coap2i_next_byte(&text);
        if (byte < 0) return c == '\0';
        if (byte == 0 || (uint8_t)c != byte) return false;
    }
}

/* The field that a member names; `count` if there is none. */
static uint8_t coap2i_find_field(const coap2_field *fields, uint8_t count,
                                 const coap2_value *name)
{
    uint8_t i = 0;
    if (name->text == NULL) return 0;
    while (i < count && !coap2i_is_name(&fields[i], name)) i++;
    return i;
}

/* Walk through a payload, and check it or set what it says. Returns why it is
   refused, or NULL. */
static const char *coap2i_read_fields(coap2i_reader *r,
                                      const coap2_field *fields, uint8_t count,
                                      coap2_field_fault *fault, bool apply)
{
    uint8_t seen[32];
    coap2i_member m;
    coap2i_step step;
    memset(seen, 0, sizeof seen);
    while ((step = coap2i_next_member(r, &m)) != COAP2I_END) {
        const char *why = COAP2_TEXT("malformed");
        uint8_t i, bit;
        fault->name = m.name.text;
        fault->name_length = m.name.length;
        if (step == COAP2I_MALFORMED) return why;
        i = coap2i_find_field(fields, count, &m.name);
        if (i == count) return COAP2_TEXT("unknown");
        bit = (uint8_t)(1u << (i & 7u));
        if ((seen[i / 8u] & bit) != 0u) return COAP2_TEXT("named twice");
        seen[i / 8u] |= bit;
        why = coap2i_set_field(&fields[i], &m.value, apply);
        if (why != NULL) return why;
    }
    return NULL;
}

/* Is a text payload for one field a value without its name? Where the field
   is a text it always is, since it may hold any character. */
static bool coap2i_is_alone(const coap2_field *fields, uint8_t count,
                            const uint8_t *bytes, size_t length)
{
    if (count != 1u) return false;
    return COAP2I_FLASH_BYTE(&fields->type) == COAP2_CHARS || length == 0u ||
           !coap2i_holds((const char *)bytes, length, '=');
}

static bool coap2i_is_field_format(uint16_t format)
{
    return format == COAP2_FORMAT_TEXT ||
           (COAP2_WITH_JSON && format == COAP2_FORMAT_JSON) ||
           (COAP2_WITH_CBOR && format == COAP2_FORMAT_CBOR);
}

COAP2_DEF coap2_result coap2_fields_read(const coap2_field *fields,
                                         uint8_t count, uint16_t format,
                                         const uint8_t *bytes, size_t length,
                                         coap2_field_fault *fault)
{
    coap2i_reader r, again;
    if (!coap2i_is_field_format(format)) return COAP2_ERR_ARG;
    memset(&r, 0, sizeof r);
    r.at = bytes;
    r.end = bytes + length;
    r.format = format;
    r.alone = coap2i_is_alone(fields, count, bytes, length);
    again = r;
    fault->flash_why = coap2i_read_fields(&r, fields, count, fault, false);
    if (fault->flash_why != NULL) return COAP2_ERR_FORMAT;
    (void)coap2i_read_fields(&again, fields, count, fault, true);
    return COAP2_OK;
}

#endif /* COAP2_WITH_FIELDS */

/* ---- >>rules: conditions and triggers -------------------------------------
   Knows the language of rules, its code, values and what they were before, and
   how a value is found in a payload. Knows no messages and no subscribers. */

#if COAP2_WITH_RULES

/* Code is a byte of COAP2_RULE_x, an expression up to its end, that of `until`
   if there is one, and times. An expression stands as it is written; tests that
   are not parted by an `or` are joined by `and`. Ranges of the first byte tell
   what follows:
       00..04  structure, below
       05..07  true, false, a text: length, bytes
       08..0a  a time: a number
       10..1f  a test: operator, 8 for `not`; an operand, two if it compares
       20..3f  a field by name: kind * 8, and the length of its name; 0 is the
               resource's own value, 7 that the length follows
       40..7f  a field by index: kind * 16, and the index; 15: it follows
       80..ff  a number: sign * 64, (bytes - 1) * 16, decimals; the bytes, the
               lowest first
   Behind the first byte of a field that is asked for what it was stands the
   place where that is kept. */
enum {
    COAP2I_CODE_END,
    COAP2I_CODE_OR,
    COAP2I_CODE_OPEN,
    COAP2I_CODE_OPEN_NOT,
    COAP2I_CODE_CLOSE,
    COAP2I_CODE_TRUE,
    COAP2I_CODE_FALSE,
    COAP2I_CODE_TEXT,
    COAP2I_CODE_PMIN,
    COAP2I_CODE_PMAX,
    COAP2I_CODE_EPMAX,
    COAP2I_CODE_TEST = 0x10,
    COAP2I_CODE_NAME = 0x20,
    COAP2I_CODE_INDEX = 0x40,
    COAP2I_CODE_NUMBER = 0x80
};
enum { COAP2I_CODE_NOT = 8 }; /* in the first byte of a test */

/* A part that only the query's conditions have: the longest time between two
   evaluations. */
enum { COAP2I_RULE_EPMAX = COAP2_RULE_PMAX * 2 };

/* How two values compare; operators are the sum of what they allow. */
enum {
    COAP2I_LESS = 1,
    COAP2I_EQUAL = 2,
    COAP2I_GREATER = 4,
    COAP2I_NO_ORDER = 8 /* and only == and != mean something */
};

/* What a field is asked for. */
enum { COAP2I_NOW, COAP2I_CHANGED, COAP2I_OLD, COAP2I_DELTA };

/* A field in code. */
typedef struct coap2i_operand {
    uint8_t kind, place;
    coap2_ref ref;
} coap2i_operand;

/* Read a field; returns what follows. */
static const uint8_t *coap2i_code_field(const uint8_t *at, coap2i_operand *o)
{
    uint8_t head = *at++, number;
    bool by_name = head < COAP2I_CODE_INDEX;
    uint8_t most = by_name ? 7 : 15;
    o->kind = (by_name ? head >> 3 : head >> 4) & 3;
    o->place = *at;
    if (o->kind != COAP2I_NOW) at++;
    number = head & most;
    if (number == most) number = *at++;
    o->ref.name = NULL;
    o->ref.length = 0;
    o->ref.index = number;
    if (!by_name) return at;
    o->ref.name = (const char *)at;
    o->ref.length = number;
    o->ref.index = 0;
    return at + number;
}

/* Step over one piece of code. Tells a field that is asked for what it was from
   all others, by its kind. */
static const uint8_t *coap2i_code_step(const uint8_t *at, coap2i_operand *o)
{
    uint8_t head = *at;
    o->kind = COAP2I_NOW;
    if (head >= COAP2I_CODE_NUMBER) return at + 2 + (head >> 4 & 3);
    if (head >= COAP2I_CODE_NAME) return coap2i_code_field(at, o);
    if (head == COAP2I_CODE_TEXT) return at + 2 + at[1];
    return at + 1;
}

/* What stands behind the first piece of that kind: an end, or a time. */
COAP2I_RARE const uint8_t *coap2i_code_behind(const uint8_t *code, uint8_t kind)
{
    const uint8_t *at = code + 1;
    coap2i_operand skipped;
    while (*at != kind) at = coap2i_code_step(at, &skipped);
    return at + 1;
}

/* The tokens of the language; words stand in the order of coap2i_words. */
enum {
    COAP2I_WRONG,
    COAP2I_AT_END,
    COAP2I_OPENS,
    COAP2I_CLOSES,
    COAP2I_COMPARES,
    COAP2I_A_NUMBER,
    COAP2I_A_TEXT,
    COAP2I_AND,
    COAP2I_OR,
    COAP2I_NOT,
    COAP2I_TRUE,
    COAP2I_FALSE,
    COAP2I_WHEN,
    COAP2I_UNTIL,
    COAP2I_PMIN,
    COAP2I_PMAX,
    COAP2I_WORD_CHANGED, /* the next three as what a field is asked for */
    COAP2I_WORD_OLD,
    COAP2I_WORD_DELTA,
    COAP2I_A_FIELD /* a word that is none of them */
};
static const char coap2i_words[] COAP2_FLASH =
    "and\0or\0not\0true\0false\0when\0until\0pmin\0pmax\0changed\0old\0"
    "delta\0";

/* A rule on its way into code. After the first fault the token is wrong, and
   nothing goes on. */
typedef struct coap2i_compiler {
    const uint8_t *text;
    const coap2_field *fields;
    uint8_t *code;
    size_t capacity, size;
    coap2_rule_fault *fault;
    coap2_result error;
    uint8_t field_count;
    uint8_t length;
    uint8_t at, next; /* where the token stands, and what is behind it */
    uint8_t token;
    uint8_t operation; /* of a token that compares */
    uint8_t decimals;  /* of a number, its sign, and its digits without point */
    bool negative;
    uint32_t magnitude;
    uint8_t places; /* of old values */
} coap2i_compiler;

static void coap2i_rule_fail(coap2i_compiler *c, uint8_t at, const char *why)
{
    if (c->error != COAP2_OK) return;
    c->error = COAP2_ERR_FORMAT;
    c->fault->column = (uint16_t)(at + 1);
    c->fault->flash_why = why;
    c->token = COAP2I_WRONG;
}

/* The byte at a place; 0 behind the end. */
COAP2I_RARE uint8_t coap2i_rule_byte(const coap2i_compiler *c, uint8_t at)
{
    return at < c->length ? c->text[at] : 0u;
}

static bool coap2i_starts_name(uint8_t byte)
{
    uint8_t lower = byte | 0x20u;
    return (lower >= 'a' && lower <= 'z') || byte == '_';
}

static bool coap2i_rule_digit(const coap2i_compiler *c, uint8_t at)
{
    return coap2i_is_digit((char)coap2i_rule_byte(c, at));
}

/* The place of a word in a list; `count` if it is not there. */
COAP2I_RARE uint8_t coap2i_find_word(const char *word, uint8_t count,
                                     const uint8_t *at, const uint8_t *end)
{
    uint8_t i = 0;
    for (; i < count && !coap2i_bytes_are(at, end, word); i++) {
        while (coap2i_flash_char(word) != '\0') word++;
        word++;
    }
    return i;
}

/* A name has its last byte where the next cannot be in one. */
static void coap2i_rule_name(coap2i_compiler *c)
{
    uint8_t byte;
    do {
        c->next++;
        byte = coap2i_rule_byte(c, c->next);
    } while (coap2i_starts_name(byte) || coap2i_is_digit((char)byte) ||
             byte == '-');
}

static void coap2i_rule_names(coap2i_compiler *c)
{
    uint8_t byte;
    coap2i_rule_name(c);
    c->token =
        (uint8_t)(COAP2I_AND +
                  coap2i_find_word(coap2i_words, COAP2I_A_FIELD - COAP2I_AND,
                                   c->text + c->at, c->text + c->next));
    if (c->token != COAP2I_A_FIELD) return;
    while ((byte = coap2i_rule_byte(c, c->next)) == '.' || byte == '/') {
        c->next++;
        if (!coap2i_starts_name(coap2i_rule_byte(c, c->next))) {
            coap2i_rule_fail(c, c->next, COAP2_TEXT("a name is missing"));
            return;
        }
        coap2i_rule_name(c);
    }
}

/* Digits from the next byte on; returns how many. */
static uint8_t coap2i_rule_digits(coap2i_compiler *c)
{
    uint8_t first = c->next;
    for (; coap2i_rule_digit(c, c->next); c->next++)
        c->magnitude = c->magnitude * 10u + (c->text[c->next] & 15u);
    return (uint8_t)(c->next - first);
}

static void coap2i_rule_number(coap2i_compiler *c)
{
    uint8_t digits, byte;
    c->decimals = 0;
    c->magnitude = 0;
    c->negative = c->text[c->at] == '-';
    if (c->negative) c->next++;
    digits = coap2i_rule_digits(c);
    if (coap2i_rule_byte(c, c->next) == '.' &&
        coap2i_rule_digit(c, (uint8_t)(c->next + 1u))) {
        c->next++;
        c->decimals = coap2i_rule_digits(c);
        digits = (uint8_t)(digits + c->decimals);
    }
    c->token = COAP2I_A_NUMBER;
    byte = coap2i_rule_byte(c, c->next);
    if (coap2i_starts_name(byte) || byte == '.')
        coap2i_rule_fail(c, c->next, COAP2_TEXT("no place in a number"));
    else if (digits > 9u)
        coap2i_rule_fail(c, c->at, COAP2_TEXT("more than nine digits"));
}

static void coap2i_rule_text(coap2i_compiler *c)
{
    uint8_t quote = c->text[c->at];
    c->token = COAP2I_A_TEXT;
    do {
        if (++c->next == c->length) {
            coap2i_rule_fail(c, c->next, COAP2_TEXT("no closing quote"));
            return;
        }
    } while (c->text[c->next] != quote);
    c->next++;
}

/* Signs of one or two bytes, the token that they are, and what a comparison
   allows. The longest stand first. */
static const char coap2i_signs[][4] COAP2_FLASH = {
    {'<', '=', COAP2I_COMPARES, COAP2I_LESS | COAP2I_EQUAL},
    {'>', '=', COAP2I_COMPARES, COAP2I_GREATER | COAP2I_EQUAL},
    {'=', '=', COAP2I_COMPARES, COAP2I_EQUAL},
    {'!', '=', COAP2I_COMPARES, COAP2I_LESS | COAP2I_GREATER},
    {'<', '>', COAP2I_COMPARES, COAP2I_LESS | COAP2I_GREATER},
    {'&', '&', COAP2I_AND, 0},
    {'|', '|', COAP2I_OR, 0},
    {'<', '\0', COAP2I_COMPARES, COAP2I_LESS},
    {'>', '\0', COAP2I_COMPARES, COAP2I_GREATER},
    {'=', '\0', COAP2I_COMPARES, COAP2I_EQUAL},
    {'!', '\0', COAP2I_NOT, 0},
    {'(', '\0', COAP2I_OPENS, 0},
    {')', '\0', COAP2I_CLOSES, 0}};

static void coap2i_rule_sign(coap2i_compiler *c, uint8_t first, uint8_t second)
{
    const char *sign = coap2i_signs[0];
    uint8_t left = sizeof coap2i_signs / sizeof coap2i_signs[0];
    for (; left != 0u; left--, sign += 4) {
        char other = coap2i_flash_char(sign + 1);
        if (coap2i_flash_char(sign) != (char)first ||
            (other != '\0' && other != (char)second))
            continue;
        c->next = (uint8_t)(c->at + (other != '\0' ? 2u : 1u));
        c->token = (uint8_t)coap2i_flash_char(sign + 2);
        c->operation = (uint8_t)coap2i_flash_char(sign + 3);
        return;
    }
    coap2i_rule_fail(c, c->at, COAP2_TEXT("no such sign"));
}

/* Read the next token. */
static void coap2i_rule_next(coap2i_compiler *c)
{
    uint8_t byte, second;
    if (c->error != COAP2_OK) return;
    while ((byte = coap2i_rule_byte(c, c->next)) == ' ' || byte == '\t')
        c->next++;
    c->at = c->next;
    second = coap2i_rule_byte(c, (uint8_t)(c->at + 1u));
    if (c->at == c->length) {
        c->token = COAP2I_AT_END;
    } else if (byte == '"' || byte == '\'') {
        coap2i_rule_text(c);
    } else if (coap2i_starts_name(byte)) {
        coap2i_rule_names(c);
    } else if (coap2i_is_digit((char)byte) ||
               (byte == '-' && coap2i_is_digit((char)second))) {
        coap2i_rule_number(c);
    } else {
        coap2i_rule_sign(c, byte, second);
    }
}

static void coap2i_code_put(coap2i_compiler *c, uint8_t byte)
{
    if (c->size < c->capacity) {
        c->code[c->size++] = byte;
    } else if (c->error == COAP2_OK) {
        coap2i_rule_fail(c, c->at, COAP2_TEXT("too long for its place"));
        c->error = COAP2_ERR_SPACE;
    }
}

static void coap2i_code_bytes(coap2i_compiler *c, uint8_t from, uint8_t to)
{
    for (; from < to; from++) coap2i_code_put(c, c->text[from]);
}

static void coap2i_code_number(coap2i_compiler *c)
{
    uint32_t rest = c->magnitude;
    uint8_t more = 0, head = COAP2I_CODE_NUMBER | c->decimals;
    for (; (rest >>= 8) != 0u; more++) head = (uint8_t)(head + 0x10u);
    if (c->negative && c->magnitude != 0u) head |= 0x40u;
    coap2i_code_put(c, head);
    for (rest = c->magnitude;; rest >>= 8) {
        coap2i_code_put(c, (uint8_t)rest);
        if (more-- == 0u) break;
    }
}

/* The first place that the field at the end of the code has: that of the same
   field before it, or a new one. The same has the same code, but for what it is
   asked. */
static void coap2i_code_place(coap2i_compiler *c, size_t first, uint8_t from)
{
    const uint8_t *at = c->code + 1, *next;
    uint8_t *last = c->code + first;
    uint8_t asked = c->fields != NULL ? 0x30 : 0x18;
    size_t length = c->size - first;
    coap2i_operand o;
    for (; at != last; at = next) {
        next = coap2i_code_step(at, &o);
        if (o.kind == COAP2I_NOW || (size_t)(next - at) != length ||
            ((*at ^ *last) | asked) != asked ||
            memcmp(at + 2, last + 2, length - 2u) != 0)
            continue;
        last[1] = o.place;
        return;
    }
    if (c->places == COAP2_RULE_OLDS)
        coap2i_rule_fail(c, from, COAP2_TEXT("too many old values"));
    last[1] = c->places++;
}

/* The row of a field; its name is empty for the resource's own value, which a
   table has if it has one row. */
static uint8_t coap2i_rule_row(const coap2i_compiler *c, coap2_value *name)
{
    uint8_t own[5];
    if (name->length == 0u) {
        if (c->field_count == 1u) return 0;
        (void)coap2i_put_word(own, COAP2_TEXT("value"), sizeof own);
        coap2i_value_text(name, own, own + sizeof own, COAP2I_PLAIN);
    }
    return coap2i_find_field(c->fields, c->field_count, name);
}

/* A field between two bytes of the text, which are equal for the resource's own
   value. */
static void coap2i_code_ref(coap2i_compiler *c, uint8_t kind, uint8_t from,
                            uint8_t to)
{
    size_t first = c->size;
    uint8_t head = COAP2I_CODE_NAME | (uint8_t)(kind << 3);
    uint8_t number = (uint8_t)(to - from), most = 7;
    coap2_value name;
    coap2i_value_text(&name, c->text + from, c->text + to, COAP2I_PLAIN);
    if (coap2i_bytes_are(c->text + from, c->text + to, COAP2_TEXT("value")))
        name.length = number = 0;
    if (c->fields != NULL) {
        number = coap2i_rule_row(c, &name);
        if (number == c->field_count)
            coap2i_rule_fail(c, from, COAP2_TEXT("no such field"));
        head = COAP2I_CODE_INDEX | (uint8_t)(kind << 4);
        most = 15;
    }
    coap2i_code_put(c, head | (number < most ? number : most));
    if (kind != COAP2I_NOW) coap2i_code_put(c, 0);
    if (number >= most) coap2i_code_put(c, number);
    if (c->fields == NULL && number != 0u) coap2i_code_bytes(c, from, to);
    if (kind != COAP2I_NOW && c->error == COAP2_OK)
        coap2i_code_place(c, first, from);
}

/* What a field was, or its own value if none stands behind the word. */
static void coap2i_rule_past(coap2i_compiler *c)
{
    uint8_t kind = (uint8_t)(c->token - COAP2I_WORD_CHANGED + COAP2I_CHANGED);
    uint8_t word = c->at;
    coap2i_rule_next(c);
    if (c->token != COAP2I_OPENS) {
        coap2i_code_ref(c, kind, word, word);
        return;
    }
    coap2i_rule_next(c);
    if (c->token != COAP2I_A_FIELD) {
        coap2i_rule_fail(c, c->at, COAP2_TEXT("a field is missing"));
        return;
    }
    coap2i_code_ref(c, kind, c->at, c->next);
    coap2i_rule_next(c);
    if (c->token != COAP2I_CLOSES)
        coap2i_rule_fail(c, c->at, COAP2_TEXT("a ) is missing"));
    coap2i_rule_next(c);
}

static void coap2i_rule_operand(coap2i_compiler *c)
{
    switch (c->token) {
    case COAP2I_A_NUMBER:
        coap2i_code_number(c);
        break;
    case COAP2I_A_TEXT:
        coap2i_code_put(c, COAP2I_CODE_TEXT);
        coap2i_code_put(c, (uint8_t)(c->next - c->at - 2));
        coap2i_code_bytes(c, (uint8_t)(c->at + 1u), (uint8_t)(c->next - 1u));
        break;
    case COAP2I_TRUE:
        coap2i_code_put(c, COAP2I_CODE_TRUE);
        break;
    case COAP2I_FALSE:
        coap2i_code_put(c, COAP2I_CODE_FALSE);
        break;
    case COAP2I_A_FIELD:
        coap2i_code_ref(c, COAP2I_NOW, c->at, c->next);
        break;
    case COAP2I_WORD_CHANGED:
    case COAP2I_WORD_OLD:
    case COAP2I_WORD_DELTA:
        coap2i_rule_past(c);
        return;
    default:
        coap2i_rule_fail(c, c->at, COAP2_TEXT("a value is missing"));
        break;
    }
    coap2i_rule_next(c);
}

static void coap2i_rule_test(coap2i_compiler *c, bool negate)
{
    size_t head = c->size;
    coap2i_code_put(c, COAP2I_CODE_TEST | (negate ? COAP2I_CODE_NOT : 0));
    if (c->token == COAP2I_COMPARES)
        coap2i_code_ref(c, COAP2I_NOW, c->at, c->at);
    else
        coap2i_rule_operand(c);
    if (c->token != COAP2I_COMPARES) return;
    c->code[head] |= c->operation;
    coap2i_rule_next(c);
    coap2i_rule_operand(c);
}

/* An expression; parentheses are counted, since the code keeps them. */
static void coap2i_rule_expr(coap2i_compiler *c)
{
    uint8_t depth = 0;
    bool negate;
    do {
        for (negate = false; c->token == COAP2I_NOT; negate = !negate)
            coap2i_rule_next(c);
        if (c->token == COAP2I_OPENS) {
            if (depth++ == COAP2_RULE_DEPTH)
                coap2i_rule_fail(c, c->at, COAP2_TEXT("too deep"));
            coap2i_code_put(c,
                            negate ? COAP2I_CODE_OPEN_NOT : COAP2I_CODE_OPEN);
            coap2i_rule_next(c);
            continue;
        }
        coap2i_rule_test(c, negate);
        for (; c->token == COAP2I_CLOSES && depth != 0u; depth--) {
            coap2i_code_put(c, COAP2I_CODE_CLOSE);
            coap2i_rule_next(c);
        }
        if (c->token == COAP2I_OR)
            coap2i_code_put(c, COAP2I_CODE_OR);
        else if (c->token != COAP2I_AND)
            break;
        coap2i_rule_next(c);
    } while (c->error == COAP2_OK);
    if (depth != 0u) coap2i_rule_fail(c, c->at, COAP2_TEXT("a ) is missing"));
    coap2i_code_put(c, COAP2I_CODE_END);
}

enum {
    COAP2I_RULE_PARTS =
        COAP2_RULE_WHEN | COAP2_RULE_UNTIL | COAP2_RULE_PMIN | COAP2_RULE_PMAX
};

static void coap2i_rule_body(coap2i_compiler *c)
{
    if (c->token == COAP2I_WHEN) {
        c->code[0] = COAP2_RULE_WHEN;
        coap2i_rule_next(c);
    } else if (c->token == COAP2I_AT_END || c->token == COAP2I_PMIN ||
               c->token == COAP2I_PMAX) {
        coap2i_code_put(c, COAP2I_CODE_END); /* nothing is always true */
        return;
    }
    coap2i_rule_expr(c);
    if (c->token != COAP2I_UNTIL || c->code[0] == 0u) return;
    c->code[0] |= COAP2_RULE_UNTIL;
    coap2i_rule_next(c);
    coap2i_rule_expr(c);
}

/* Seconds with up to three decimals are milliseconds; 0 if they are not. */
static uint32_t coap2i_token_seconds(const coap2i_compiler *c)
{
    uint32_t ms = c->magnitude;
    uint8_t decimals = c->decimals;
    if (c->negative || decimals > 3u) return 0;
    for (; decimals < 3u; decimals++)
        if (!coap2i_tenfold(&ms)) return 0;
    return ms <= 2000000000u ? ms : 0u;
}

/* The number under way as pmin or pmax. */
static void coap2i_code_time(coap2i_compiler *c, uint8_t which)
{
    c->code[0] = (uint8_t)(c->code[0] | COAP2_RULE_PMIN << which);
    coap2i_code_put(c, (uint8_t)(COAP2I_CODE_PMIN + which));
    coap2i_code_number(c);
}

static void coap2i_rule_times(coap2i_compiler *c)
{
    uint32_t ms, other = 0;
    while (c->token == COAP2I_PMIN || c->token == COAP2I_PMAX) {
        bool pmax = c->token == COAP2I_PMAX;
        if (c->code[0] & (pmax ? COAP2_RULE_PMAX : COAP2_RULE_PMIN))
            coap2i_rule_fail(c, c->at, COAP2_TEXT("stands twice"));
        coap2i_rule_next(c);
        if (c->token != COAP2I_A_NUMBER) {
            coap2i_rule_fail(c, c->at, COAP2_TEXT("seconds are missing"));
            return;
        }
        ms = coap2i_token_seconds(c);
        if (ms == 0u)
            coap2i_rule_fail(c, c->at, COAP2_TEXT("not 0.001 to 2000000 s"));
        if (other != 0u && (pmax ? ms < other : other < ms))
            coap2i_rule_fail(c, c->at, COAP2_TEXT("pmax is below pmin"));
        other = ms;
        coap2i_code_time(c, pmax);
        coap2i_rule_next(c);
    }
}

COAP2_DEF int16_t coap2_rule_compile(const char *text, size_t length,
                                     const coap2_field *fields, uint8_t count,
                                     uint8_t *code, size_t capacity,
                                     coap2_rule_fault *fault)
{
    coap2i_compiler c;
    memset(&c, 0, sizeof c);
    c.text = (const uint8_t *)text;
    c.length = (uint8_t)length;
    c.fields = fields;
    c.field_count = count;
    c.code = code;
    c.capacity = capacity;
    c.fault = fault;
    if (length > UINT8_MAX)
        coap2i_rule_fail(&c, UINT8_MAX, COAP2_TEXT("more than 255 bytes"));
    coap2i_code_put(&c, 0);
    coap2i_rule_next(&c);
    if (c.error == COAP2_OK) coap2i_rule_body(&c);
    coap2i_rule_times(&c);
    if (c.token != COAP2I_AT_END)
        coap2i_rule_fail(&c, c.at, COAP2_TEXT("no place here"));
    if (c.error != COAP2_OK) return c.error;
    return (int16_t)c.size;
}

/* ---- values: how they compare, and how far apart they are ---- */

/* Can a rule say something of what was read? */
static bool coap2i_is_sayable(const coap2_value *value)
{
    switch (value->kind) {
    case COAP2_VALUE_NUMBER:
        return value->exponent != COAP2I_HUGE && value->exponent != COAP2I_TINY;
    case COAP2_VALUE_BOOL:
    case COAP2_VALUE_TEXT:
        return true;
    default:
        return false;
    }
}

static void coap2i_value_take(coap2_value *value, const coap2_value *from)
{
    if (coap2i_is_sayable(from)) *value = *from;
}

COAP2_DEF void coap2_value_read(coap2_value *value, const char *text,
                                size_t length)
{
    const uint8_t *at = (const uint8_t *)text;
    coap2i_value_clear(value);
    coap2i_read_word(value, at, at + length, false);
    if (!coap2i_is_sayable(value)) coap2i_value_clear(value);
}

/* Give two numbers the lower exponent. False if there is no room: then the one
   that had the higher is the larger. */
COAP2I_RARE bool coap2i_level(coap2_value *high, coap2_value *low)
{
    if (high->magnitude == 0u) high->exponent = low->exponent;
    if (low->magnitude == 0u) low->exponent = high->exponent;
    for (; high->exponent > low->exponent; high->exponent--)
        if (!coap2i_tenfold(&high->magnitude)) return false;
    return true;
}

/* Exact: what 32 bits cannot hold is larger than what they can. */
static uint8_t coap2i_compare_numbers(coap2_value *a, coap2_value *b)
{
    uint8_t more = COAP2I_GREATER, less = COAP2I_LESS;
    if (a->negative) {
        more = COAP2I_LESS;
        less = COAP2I_GREATER;
    }
    if (a->negative != b->negative) return more;
    if (a->exponent > b->exponent) {
        if (!coap2i_level(a, b)) return more;
    } else if (a->exponent < b->exponent) {
        if (!coap2i_level(b, a)) return less;
    }
    if (a->magnitude == b->magnitude) return COAP2I_EQUAL;
    return a->magnitude > b->magnitude ? more : less;
}

static void coap2i_value_bytes(const coap2_value *value, coap2i_text *text)
{
    coap2i_text_begin(text, value);
    if (value->form == COAP2I_CUT) text->end = text->at + COAP2I_OLD_TEXT;
}

/* FNV-1a, and the length without escapes. */
COAP2I_RARE uint32_t coap2i_value_hash(const coap2_value *value, size_t *length)
{
    coap2i_text text;
    uint32_t hash = COAP2I_HASH_START;
    int16_t byte;
    *length = value->length;
    if (value->form == COAP2I_CUT) return value->magnitude;
    coap2i_value_bytes(value, &text);
    for (*length = 0; (byte = coap2i_next_byte(&text)) >= 0; ++*length)
        hash = coap2i_mix(hash, (uint8_t)byte);
    return hash;
}

/* Texts that are equal as far as one of them was kept. */
COAP2I_RARE uint8_t coap2i_compare_cut(const coap2_value *a,
                                       const coap2_value *b)
{
    size_t x, y;
    if (coap2i_value_hash(a, &x) == coap2i_value_hash(b, &y) &&
        (uint16_t)x == (uint16_t)y)
        return COAP2I_EQUAL;
    return COAP2I_NO_ORDER | COAP2I_LESS | COAP2I_GREATER;
}

/* By their bytes, escapes undone. */
COAP2I_RARE uint8_t coap2i_compare_texts(const coap2_value *a,
                                         const coap2_value *b)
{
    coap2i_text left, right;
    int16_t x, y;
    coap2i_value_bytes(a, &left);
    coap2i_value_bytes(b, &right);
    do {
        x = coap2i_next_byte(&left);
        y = coap2i_next_byte(&right);
    } while (x == y && x >= 0);
    if ((x < 0 && a->form == COAP2I_CUT) || (y < 0 && b->form == COAP2I_CUT))
        return coap2i_compare_cut(a, b);
    if (x == y) return COAP2I_EQUAL;
    return x < y ? COAP2I_LESS : COAP2I_GREATER;
}

/* Zero if they cannot be compared. Numbers may get other exponents. */
static uint8_t coap2i_compare(coap2_value *a, coap2_value *b)
{
    if (a->kind != b->kind || a->kind == COAP2_VALUE_MISSING) return 0;
    if (a->kind == COAP2_VALUE_NUMBER) return coap2i_compare_numbers(a, b);
    if (a->kind == COAP2_VALUE_TEXT) return coap2i_compare_texts(a, b);
    if (a->magnitude == b->magnitude) return COAP2I_NO_ORDER | COAP2I_EQUAL;
    return COAP2I_NO_ORDER | COAP2I_LESS | COAP2I_GREATER;
}

/* Give two numbers one exponent. Digits of the smaller one that then have no
   room are rounded away, half away from zero. */
static void coap2i_align(coap2_value *large, coap2_value *small)
{
    uint8_t digit = 0;
    if (coap2i_level(large, small)) return;
    for (; large->exponent > small->exponent; small->exponent++) {
        digit = (uint8_t)(small->magnitude % 10u);
        small->magnitude /= 10u;
    }
    if (digit >= 5u) small->magnitude++;
}

/* Add a number to another; what is too much stays at the most. */
static void coap2i_add(coap2_value *sum, coap2_value *term)
{
    uint32_t most = UINT32_MAX;
    if (sum->exponent >= term->exponent)
        coap2i_align(sum, term);
    else
        coap2i_align(term, sum);
    if (sum->negative == term->negative) {
        if (sum->magnitude <= most - term->magnitude)
            most = sum->magnitude + term->magnitude;
    } else if (sum->magnitude >= term->magnitude) {
        most = sum->magnitude - term->magnitude;
    } else {
        most = term->magnitude - sum->magnitude;
        sum->negative = term->negative;
    }
    sum->magnitude = most;
    if (most == 0u) sum->negative = false;
}

/* ---- what was: kept, and found again ---- */

COAP2I_RARE void coap2i_old_keep(coap2_old *old, const coap2_value *value)
{
    coap2i_text text;
    size_t length;
    uint8_t i;
    old->magnitude = value->magnitude;
    old->kind = value->kind;
    old->exponent = value->exponent;
    old->negative = value->negative;
    if (value->kind != COAP2_VALUE_TEXT) return;
    old->magnitude = coap2i_value_hash(value, &length);
    old->length = (uint16_t)length;
    coap2i_value_bytes(value, &text);
    for (i = 0; i < (uint8_t)COAP2I_OLD_TEXT; i++)
        old->text[i] = (char)coap2i_next_byte(&text);
}

COAP2I_RARE void coap2i_old_value(const coap2_old *old, coap2_value *value)
{
    value->kind = old->kind;
    value->magnitude = old->magnitude;
    value->exponent = old->exponent;
    value->negative = old->negative;
    value->text = old->text;
    value->length = old->length;
    if (old->kind == COAP2_VALUE_TEXT && old->length > COAP2I_OLD_TEXT)
        value->form = COAP2I_CUT;
}

/* ---- evaluation ---- */

/* Where values come from. */
typedef struct coap2i_sight {
    coap2_look_fn look;
    const void *user;
    const coap2_old *olds; /* NULL: the look-up knows them */
} coap2i_sight;

static void coap2i_look(const coap2i_sight *s, coap2i_operand *o, bool old,
                        coap2_value *value)
{
    coap2i_value_clear(value);
    o->ref.old = old;
    if (old && s->olds != NULL)
        coap2i_old_value(&s->olds[o->place], value);
    else
        s->look(s->user, o->ref, value);
}

/* How far apart two values are, or whether they differ. */
COAP2I_RARE void coap2i_change(const coap2i_sight *s, coap2i_operand *o,
                               coap2_value *value)
{
    coap2_value old;
    coap2i_look(s, o, true, &old);
    if (o->kind == COAP2I_CHANGED) {
        bool same = value->kind == old.kind &&
                    (value->kind == COAP2_VALUE_MISSING ||
                     (coap2i_compare(value, &old) & COAP2I_EQUAL) != 0u);
        coap2i_value_bool(value, !same);
    } else if (value->kind == COAP2_VALUE_NUMBER &&
               old.kind == COAP2_VALUE_NUMBER) {
        old.negative = !old.negative;
        coap2i_add(value, &old);
        value->negative = false;
    } else {
        coap2i_value_clear(value);
    }
}

COAP2I_RARE const uint8_t *
coap2i_read_field(const coap2i_sight *s, const uint8_t *at, coap2_value *value)
{
    coap2i_operand o;
    at = coap2i_code_field(at, &o);
    coap2i_look(s, &o, o.kind == COAP2I_OLD, value);
    if (o.kind == COAP2I_CHANGED || o.kind == COAP2I_DELTA)
        coap2i_change(s, &o, value);
    return at;
}

COAP2_DEF void coap2_look_fields(const void *fields, coap2_ref field,
                                 coap2_value *value)
{
    const coap2_field *row = (const coap2_field *)fields + field.index;
    if (!field.old && field.name == NULL) coap2i_field_value(row, value);
}

/* Most fields are one of the first rows of a table, as it is now. */
static bool coap2i_is_row(const coap2i_sight *s, uint8_t head)
{
    return head >= COAP2I_CODE_INDEX && head < COAP2I_CODE_INDEX + 15 &&
           s->look == coap2_look_fields;
}

static const uint8_t *coap2i_read_number(const uint8_t *at, uint8_t head,
                                         coap2_value *value)
{
    const uint8_t *end = at + (head >> 4 & 3) + 1, *byte = end;
    uint32_t magnitude = 0;
    while (byte != at) magnitude = magnitude << 8 | *--byte;
    value->kind = COAP2_VALUE_NUMBER;
    value->negative = (head & 0x40u) != 0u;
    value->exponent = (int8_t) - (head & 15);
    value->magnitude = magnitude;
    return end;
}

/* Read what stands at a place; returns what follows. */
static const uint8_t *coap2i_read_operand(const coap2i_sight *s,
                                          const uint8_t *at, coap2_value *value)
{
    uint8_t head = *at;
    if (coap2i_is_row(s, head)) {
        coap2i_field_value((const coap2_field *)s->user + (head & 15), value);
        return at + 1;
    }
    if (head >= COAP2I_CODE_NUMBER)
        return coap2i_read_number(at + 1, head, value);
    if (head >= COAP2I_CODE_NAME) return coap2i_read_field(s, at, value);
    if (head == COAP2I_CODE_TEXT) {
        coap2i_value_text(value, at + 2, at + 2 + at[1], COAP2I_PLAIN);
        return at + 2 + at[1];
    }
    coap2i_value_bool(value, head == COAP2I_CODE_TRUE);
    return at + 1;
}

static uint8_t coap2i_truth(bool truth)
{
    return truth ? COAP2_TRUE : COAP2_FALSE;
}

static uint8_t coap2i_value_truth(const coap2_value *value)
{
    if (value->kind == COAP2_VALUE_MISSING) return COAP2_UNKNOWN;
    if (value->kind == COAP2_VALUE_TEXT)
        return coap2i_truth(value->length != 0u);
    return coap2i_truth(value->magnitude != 0u);
}

/* The truth of a test; *at then stands behind it. */
static uint8_t coap2i_eval_test(const coap2i_sight *s, const uint8_t **at)
{
    coap2_value left, right;
    uint8_t operation = *(*at)++ & 7u, relation;
    *at = coap2i_read_operand(s, *at, &left);
    if (operation == 0u) return coap2i_value_truth(&left);
    *at = coap2i_read_operand(s, *at, &right);
    relation = coap2i_compare(&left, &right);
    if (relation == 0u ||
        (relation >= COAP2I_NO_ORDER && operation != COAP2I_EQUAL &&
         operation != (COAP2I_LESS | COAP2I_GREATER)))
        return COAP2_UNKNOWN;
    return coap2i_truth((operation & relation) != 0u);
}

/* An `and` takes the least, an `or` the most, and `not` the other side: so the
   truth of what was parted by `or`, and of what is joined since, is all that
   must be remembered of each parenthesis. */
static uint8_t coap2i_eval(const coap2i_sight *s, const uint8_t *at)
{
    uint8_t levels[COAP2_RULE_DEPTH], depth = 0;
    uint8_t any = COAP2_FALSE, all = COAP2_TRUE;
    levels[0] = 0;
    for (;;) {
        uint8_t head = *at, truth;
        if (head >= COAP2I_CODE_TEST) {
            truth = coap2i_eval_test(s, &at);
            if (head & COAP2I_CODE_NOT) truth = (uint8_t)(COAP2_TRUE - truth);
            if (truth < all) all = truth;
            continue;
        }
        at++;
        if (head == COAP2I_CODE_OPEN || head == COAP2I_CODE_OPEN_NOT) {
            levels[depth++] = (uint8_t)((uint8_t)(any << 4) |
                                        (uint8_t)(all << 2) | (head & 1));
            any = COAP2_FALSE;
            all = COAP2_TRUE;
            continue;
        }
        if (all > any) any = all;
        all = COAP2_TRUE;
        if (head == COAP2I_CODE_OR) continue;
        if (head == COAP2I_CODE_END) return any;
        truth = any;
        head = levels[--depth];
        if (head & 1) truth = (uint8_t)(COAP2_TRUE - truth);
        any = (uint8_t)(head >> 4);
        all = head >> 2 & 3;
        if (truth < all) all = truth;
    }
}

static void coap2i_sight_set(coap2i_sight *s, coap2_look_fn look,
                             const void *user, const coap2_old *olds)
{
    s->look = look;
    s->user = user;
    s->olds = olds;
}

COAP2_DEF uint8_t coap2_rule_eval(const uint8_t *code, coap2_look_fn look,
                                  const void *user)
{
    coap2i_sight s;
    coap2i_sight_set(&s, look, user, NULL);
    return coap2i_eval(&s, code + 1);
}

/* What stands behind `until`; false if nothing does. */
static uint8_t coap2i_eval_until(const coap2i_sight *s, const uint8_t *code)
{
    if ((*code & COAP2_RULE_UNTIL) == 0u) return COAP2_FALSE;
    return coap2i_eval(s, coap2i_code_behind(code, COAP2I_CODE_END));
}

COAP2_DEF uint8_t coap2_rule_until(const uint8_t *code, coap2_look_fn look,
                                   const void *user)
{
    coap2i_sight s;
    coap2i_sight_set(&s, look, user, NULL);
    return coap2i_eval_until(&s, code);
}

COAP2_DEF uint8_t coap2_rule_parts(const uint8_t *code)
{
    return *code;
}

COAP2_DEF uint32_t coap2_rule_time(const uint8_t *code, uint8_t part)
{
    uint8_t which = COAP2I_CODE_PMIN, bit = COAP2_RULE_PMIN;
    const uint8_t *at;
    coap2_value value;
    if ((*code & part) == 0u) return 0;
    for (; bit != part; bit = (uint8_t)(bit * 2u)) which++;
    at = coap2i_code_behind(code, which);
    (void)coap2i_read_number(at + 1, *at, &value);
    for (; value.exponent > -3; value.exponent--)
        (void)coap2i_tenfold(&value.magnitude);
    return value.magnitude;
}

/* ---- triggers: rules and time ---- */

/* Something is sent: keep what it says, as far as the rule asks for it. */
static void coap2i_trigger_sent(coap2_trigger *t, const coap2i_sight *s,
                                const uint8_t *code, uint32_t now)
{
    const uint8_t *at = code + 1;
    uint8_t ends = *code & COAP2_RULE_UNTIL ? 2 : 1;
    coap2i_operand o;
    coap2_value value;
    t->last = now;
    t->waiting = false;
    while (ends != 0u) {
        if (*at == COAP2I_CODE_END) ends--;
        at = coap2i_code_step(at, &o);
        if (o.kind == COAP2I_NOW) continue;
        coap2i_look(s, &o, false, &value);
        coap2i_old_keep(&t->olds[o.place], &value);
    }
}

static bool coap2i_trigger_holds(const coap2i_sight *s, const uint8_t *code)
{
    return coap2i_eval(s, code + 1) == COAP2_TRUE;
}

COAP2_DEF void coap2_trigger_begin(coap2_trigger *trigger, const uint8_t *code,
                                   coap2_look_fn look, const void *user,
                                   uint32_t now_ms)
{
    coap2i_sight s;
    coap2i_sight_set(&s, look, user, trigger->olds);
    memset(trigger, 0, sizeof *trigger);
    coap2i_trigger_sent(trigger, &s, code, now_ms);
    trigger->armed = !coap2i_trigger_holds(&s, code);
}

/* Has the rule asked for a notification, since there was a change? */
static bool coap2i_trigger_fires(coap2_trigger *t, const coap2i_sight *s,
                                 const uint8_t *code)
{
    bool holds = coap2i_trigger_holds(s, code);
    if ((*code & COAP2_RULE_WHEN) == 0u) return holds;
    if (*code & COAP2_RULE_UNTIL) {
        if (coap2i_eval_until(s, code) == COAP2_TRUE) t->armed = true;
    } else if (!holds) {
        t->armed = true;
    }
    if (!holds || !t->armed) return false;
    t->armed = false;
    return true;
}

/* A clock that wraps cannot tell more than half of its round. */
static uint32_t coap2i_trigger_silence(coap2_trigger *t, uint32_t now)
{
    uint32_t silence = now - t->last;
    if (silence <= INT32_MAX) return silence;
    t->last = now - INT32_MAX;
    return INT32_MAX;
}

/* What waited goes out before a change makes another one, and what the rule
   asks for comes before what pmax does: a moment has one notification. */
static uint8_t coap2i_trigger_reason(coap2_trigger *t, const coap2i_sight *s,
                                     const uint8_t *code, uint32_t now,
                                     bool changed)
{
    uint32_t pmax;
    bool soon =
        coap2i_trigger_silence(t, now) < coap2_rule_time(code, COAP2_RULE_PMIN);
    if (t->waiting && !soon) {
        t->waiting = false;
        t->armed = !coap2i_trigger_holds(s, code);
        if (!t->armed) return COAP2_MATCH;
    }
    if (changed && !t->waiting && coap2i_trigger_fires(t, s, code)) {
        if (!soon) return COAP2_MATCH;
        t->waiting = true;
    }
    pmax = coap2_rule_time(code, COAP2_RULE_PMAX);
    return pmax == 0u || now - t->last < pmax ? COAP2_QUIET : COAP2_PERIOD;
}

COAP2I_RARE uint8_t coap2i_trigger_run(coap2_trigger *t, const uint8_t *code,
                                       coap2_look_fn look, const void *user,
                                       uint32_t now, bool changed)
{
    coap2i_sight s;
    uint8_t reason;
    coap2i_sight_set(&s, look, user, t->olds);
    reason = coap2i_trigger_reason(t, &s, code, now, changed);
    if (reason != COAP2_QUIET) coap2i_trigger_sent(t, &s, code, now);
    return reason;
}

COAP2_DEF uint8_t coap2_trigger_change(coap2_trigger *trigger,
                                       const uint8_t *code, coap2_look_fn look,
                                       const void *user, uint32_t now_ms)
{
    return coap2i_trigger_run(trigger, code, look, user, now_ms, true);
}

COAP2_DEF uint8_t coap2_trigger_time(coap2_trigger *trigger,
                                     const uint8_t *code, coap2_look_fn look,
                                     const void *user, uint32_t now_ms)
{
    return coap2i_trigger_run(trigger, code, look, user, now_ms, false);
}

COAP2_DEF uint32_t coap2_trigger_due(const coap2_trigger *trigger,
                                     const uint8_t *code, uint32_t now_ms)
{
    uint32_t silence = now_ms - trigger->last;
    uint32_t due = coap2_rule_time(code, trigger->waiting ? COAP2_RULE_PMIN
                                                          : COAP2_RULE_PMAX);
    if (due == 0u) return UINT32_MAX;
    return silence < due ? due - silence : 0u;
}

/* ---- look-ups in payloads ---- */

/* A field's name in a rule, or a part of it. */
typedef struct coap2i_field_name {
    const uint8_t *at, *end;
} coap2i_field_name;

/* Is a text, its escapes undone, the start of a name? Moves behind it. No text
   is. */
static bool coap2i_text_starts(const coap2_value *start,
                               coap2i_field_name *name)
{
    coap2i_text text;
    int16_t byte;
    if (start->text == NULL) return true;
    coap2i_text_begin(&text, start);
    while ((byte = coap2i_next_byte(&text)) >= 0)
        if (name->at == name->end || *name->at++ != byte) return false;
    return true;
}

static bool coap2i_text_is(const coap2_value *text, coap2i_field_name name)
{
    return coap2i_text_starts(text, &name) && name.at == name.end;
}

/* A list, if it begins as one; else all of it is one value. */
static bool coap2i_is_value_list(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *first;
    while (at != end && coap2i_is_blank(*at)) at++;
    first = at;
    while (at != end && *at != '=' && !coap2i_is_blank(*at)) at++;
    return at != end && *at == '=' && at != first;
}

static void coap2i_look_text(coap2i_reader *r, coap2i_field_name name, bool own,
                             coap2_value *value)
{
    coap2i_member m;
    r->alone = !coap2i_is_value_list(r->at, r->end);
    while (coap2i_next_member(r, &m) == COAP2I_STEP) {
        if (r->alone ? !own : !coap2i_text_is(&m.name, name)) continue;
        coap2i_value_take(value, &m.value);
        return;
    }
}

#if COAP2_WITH_JSON || COAP2_WITH_CBOR

/* What comes next in a document of nested maps and arrays. */
typedef enum coap2i_event {
    COAP2I_BAD, /* malformed, too deep, or its end */
    COAP2I_KEY,
    COAP2I_SCALAR,
    COAP2I_OPENED,
    COAP2I_CLOSED
} coap2i_event;

enum { COAP2I_IS_MAP = 1, COAP2I_IS_OPEN = 2 }; /* without a count before it */

/* A walk through a document, and what it met last. */
typedef struct coap2i_walk {
    coap2i_reader r;
    coap2_value value;             /* a key is one, too */
    size_t left[COAP2_RULE_DEPTH]; /* keys and values of a level; if it is open,
                                      those that there were */
    uint8_t kind[COAP2_RULE_DEPTH];
    uint8_t level;
} coap2i_walk;

static coap2i_event coap2i_walk_open(coap2i_walk *w, uint8_t kind, size_t left)
{
    if (w->level == COAP2_RULE_DEPTH) return COAP2I_BAD;
    w->kind[w->level] = kind;
    w->left[w->level++] = left;
    return COAP2I_OPENED;
}

/* Does a key come next? Counts it, or the value. */
static bool coap2i_walk_at_key(coap2i_walk *w)
{
    size_t *left;
    bool even;
    w->r.begun = true;
    if (w->level == 0u) return false;
    left = &w->left[w->level - 1u];
    even = (*left & 1u) == 0u;
    *left += w->kind[w->level - 1u] & COAP2I_IS_OPEN ? 1u : (size_t)0 - 1u;
    return even && (w->kind[w->level - 1u] & COAP2I_IS_MAP);
}

#endif

#if COAP2_WITH_JSON

/* A number or word ends at a sign, too; then it is read as any other. */
static bool coap2i_walk_json_scalar(coap2i_walk *w)
{
    const uint8_t *end = w->r.end, *at = w->r.at;
    bool read;
    if (at == end) return false;
    if (*at == '"') return coap2i_read_json_value(&w->r, &w->value);
    while (at != end && *at != ']' && *at != ':') at++;
    w->r.end = at;
    read = coap2i_read_json_value(&w->r, &w->value);
    w->r.end = end;
    return read;
}

/* Step over what stands between two members; a sign that closes stays. False
   if it is malformed. */
static bool coap2i_walk_json_between(coap2i_walk *w)
{
    size_t count;
    bool is_map;
    if (w->level == 0u) return !w->r.begun;
    count = w->left[w->level - 1u];
    is_map = (w->kind[w->level - 1u] & COAP2I_IS_MAP) != 0;
    if (is_map && (count & 1u) != 0u) return coap2i_json_sign(&w->r, ':');
    if (w->r.at != w->r.end && (*w->r.at == ']' || *w->r.at == '}'))
        return (*w->r.at == '}') == is_map;
    return count == 0u || coap2i_json_sign(&w->r, ',');
}

static coap2i_event coap2i_walk_json(coap2i_walk *w)
{
    uint8_t sign;
    const uint8_t *first;
    coap2i_skip_blanks(&w->r);
    first = w->r.at;
    if (!coap2i_walk_json_between(w) || w->r.at == w->r.end) return COAP2I_BAD;
    sign = *w->r.at;
    if (w->level != 0u && w->r.at == first && (sign == '}' || sign == ']')) {
        w->r.at++;
        w->level--;
        return COAP2I_CLOSED;
    }
    if (coap2i_walk_at_key(w)) {
        return coap2i_read_json_string(&w->r, &w->value) ? COAP2I_KEY
                                                         : COAP2I_BAD;
    }
    if (sign == '{' || sign == '[') {
        w->r.at++;
        return coap2i_walk_open(
            w, COAP2I_IS_OPEN | (sign == '{' ? COAP2I_IS_MAP : 0), 0);
    }
    return coap2i_walk_json_scalar(w) ? COAP2I_SCALAR : COAP2I_BAD;
}

#endif

#if COAP2_WITH_CBOR

/* An integer of 64 bits; more than 32 become nine digits. */
static void coap2i_wide_int(const coap2i_cbor *head, coap2_value *n)
{
    coap2i_float f;
    uint32_t low = head->value, high = head->high;
    uint8_t i, digit = 0;
    bool negative = head->major == COAP2I_CBOR_NEGATIVE;
    if (negative && ++low == 0u && ++high == 0u) high--; /* what is nearest */
    memset(&f, 0, sizeof f);
    for (i = 0; i < 4u; i++) {
        f.bits[7 - i] = (uint8_t)(low >> (8u * i));
        f.bits[3 - i] = (uint8_t)(high >> (8u * i));
    }
    if (!coap2i_float_low(&f, &low)) {
        while (!coap2i_float_low(&f, &low) || low >= 1000000000u)
            digit = coap2i_float_tenth(&f);
        if (digit >= 5u) low++;
    }
    coap2i_value_number(n, low, f.ten, negative);
}

/* An item that is neither a map nor an array; its head was read. */
static bool coap2i_walk_cbor_scalar(coap2i_walk *w, const uint8_t *first,
                                    const coap2i_cbor *head)
{
    coap2i_cbor piece;
    if (head->major <= COAP2I_CBOR_NEGATIVE) {
        coap2i_wide_int(head, &w->value);
        return true;
    }
    if (head->info != COAP2I_CBOR_OPEN) {
        w->r.at = first;
        return coap2i_read_cbor_value(&w->r, &w->value);
    }
    while (w->r.at != w->r.end && *w->r.at != COAP2I_CBOR_BREAK) {
        if (!coap2i_read_head(&w->r, &piece) || piece.major != head->major ||
            piece.info == COAP2I_CBOR_OPEN ||
            !coap2i_read_string(&w->r, &piece, &w->value))
            return false;
    }
    coap2i_value_clear(&w->value); /* a text in pieces */
    return w->r.at++ != w->r.end;
}

/* The exponent and the mantissa of a decimal fraction (RFC 8949 3.4.4). */
static bool coap2i_walk_fraction(coap2i_walk *w)
{
    coap2i_cbor head;
    coap2_value exponent, *n = &w->value;
    int16_t shift;
    if (!coap2i_read_head(&w->r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_wide_int(&head, &exponent);
    if (!coap2i_read_head(&w->r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_wide_int(&head, n);
    if (exponent.exponent != 0 || exponent.magnitude > 255u) {
        coap2i_value_clear(n);
        return true;
    }
    shift = (int16_t)exponent.magnitude;
    coap2i_value_number(n, n->magnitude,
                        n->exponent + (exponent.negative ? -shift : shift),
                        n->negative);
    return true;
}

/* Is the level over? Steps over the break that ends an open one. */
static bool coap2i_walk_cbor_over(coap2i_walk *w)
{
    uint8_t kind = w->kind[w->level - 1u];
    size_t left = w->left[w->level - 1u];
    if ((kind & COAP2I_IS_OPEN) == 0) return left == 0u;
    if (w->r.at == w->r.end || *w->r.at != COAP2I_CBOR_BREAK) return false;
    if ((kind & COAP2I_IS_MAP) && (left & 1u)) return false;
    w->r.at++;
    return true;
}

static coap2i_event coap2i_walk_cbor(coap2i_walk *w)
{
    const uint8_t *first;
    coap2i_cbor head;
    bool key, is_map;
    size_t left;
    if (w->level == 0u && w->r.begun) return COAP2I_BAD;
    if (w->level != 0u && coap2i_walk_cbor_over(w)) {
        w->level--;
        return COAP2I_CLOSED;
    }
    key = coap2i_walk_at_key(w);
    first = w->r.at;
    if (!coap2i_read_item(&w->r, &head)) return COAP2I_BAD;
    if (head.major != COAP2I_CBOR_ARRAY && head.major != COAP2I_CBOR_MAP) {
        if (!coap2i_walk_cbor_scalar(w, first, &head)) return COAP2I_BAD;
        return key ? COAP2I_KEY : COAP2I_SCALAR;
    }
    if (head.decimal && head.major == COAP2I_CBOR_ARRAY && head.info == 2u)
        return coap2i_walk_fraction(w) ? COAP2I_SCALAR : COAP2I_BAD;
    is_map = head.major == COAP2I_CBOR_MAP;
    left = (size_t)head.value;
    if (key) return COAP2I_BAD;
    if (head.info == COAP2I_CBOR_OPEN)
        return coap2i_walk_open(w, is_map ? 3 : COAP2I_IS_OPEN, 0);
    if (head.high != 0u || head.value > (size_t)(w->r.end - w->r.at))
        return COAP2I_BAD;
    return coap2i_walk_open(w, is_map ? COAP2I_IS_MAP : 0,
                            is_map ? left * 2u : left);
}

#endif

#if COAP2_WITH_JSON || COAP2_WITH_CBOR

static coap2i_event coap2i_walk_next(coap2i_walk *w)
{
#if COAP2_WITH_JSON
    if (w->r.format == COAP2_FORMAT_JSON) return coap2i_walk_json(w);
#endif
#if COAP2_WITH_CBOR
    if (w->r.format == COAP2_FORMAT_CBOR) return coap2i_walk_cbor(w);
#endif
    return COAP2I_BAD;
}

/* The first name of a path; the path goes on behind the sign that parts it. */
static coap2i_field_name coap2i_path_next(coap2i_field_name *path)
{
    coap2i_field_name name = *path;
    while (path->at != path->end && *path->at != '.' && *path->at != '/')
        path->at++;
    name.end = path->at;
    if (path->at != path->end) path->at++;
    return name;
}

COAP2I_RARE void coap2i_look_members(coap2i_walk *w, coap2i_field_name path,
                                     bool own, coap2_value *value)
{
    coap2i_field_name name = coap2i_path_next(&path);
    uint8_t level = 1; /* of the map that holds the name */
    bool hit = own;    /* of a document that is one value */
    for (;;) {
        switch (coap2i_walk_next(w)) {
        case COAP2I_KEY:
            hit = w->level == level && w->value.kind == COAP2_VALUE_TEXT &&
                  coap2i_text_is(&w->value, name);
            break;
        case COAP2I_SCALAR:
            if (hit && path.at == path.end) {
                coap2i_value_take(value, &w->value);
                return;
            }
            hit = false;
            break;
        case COAP2I_OPENED:
            if (hit && w->level > 1u && path.at != path.end &&
                (w->kind[level] & COAP2I_IS_MAP)) {
                name = coap2i_path_next(&path);
                level++;
            }
            hit = false;
            break;
        case COAP2I_CLOSED:
            if (w->level >= level) break;
            return;
        default:
            return;
        }
    }
}

/* ---- SenML (RFC 8428) ---- */

/* Members of a record. */
enum {
    COAP2I_BASE_NAME,
    COAP2I_BASE_VALUE,
    COAP2I_SENML_NAME,
    COAP2I_SENML_VALUE, /* the three in the order of their kinds */
    COAP2I_SENML_BOOL,
    COAP2I_SENML_TEXT,
    COAP2I_SENML_OTHER
};

/* In JSON each has a name of its own, in CBOR a number: 8 more than that. */
static const char coap2i_senml_names[] COAP2_FLASH = "bn\0bv\0n\0v\0vb\0vs\0";
static const char coap2i_senml_numbers[] COAP2_FLASH = {6, 3, 8, 10, 12, 11};

static uint8_t coap2i_senml_member(const coap2_value *key)
{
    const char *name = coap2i_senml_names;
    const uint8_t *text = (const uint8_t *)key->text;
    uint8_t member = COAP2I_BASE_NAME, number = 0; /* none has -8 */
    if (key->kind == COAP2_VALUE_NUMBER && key->exponent == 0 &&
        key->magnitude <= 8u)
        number = (uint8_t)(key->negative ? 8u - key->magnitude
                                         : 8u + key->magnitude);
    for (; member < (uint8_t)COAP2I_SENML_OTHER; member++) {
        if (key->kind == COAP2_VALUE_TEXT) {
            if (coap2i_bytes_are(text, text + key->length, name)) break;
        } else if ((uint8_t)coap2i_flash_char(coap2i_senml_numbers + member) ==
                   number) {
            break;
        }
        while (coap2i_flash_char(name) != '\0') name++;
        name++;
    }
    return member;
}

/* A pack on its way: what holds for the records that follow, and for this. */
typedef struct coap2i_senml {
    coap2_value base_name, name, base_value, value;
} coap2i_senml;

static void coap2i_senml_begin(coap2i_senml *pack)
{
    coap2i_value_clear(&pack->name);
    coap2i_value_clear(&pack->value);
}

static void coap2i_senml_take(coap2i_senml *pack, uint8_t member,
                              const coap2_value *from)
{
    bool text = from->kind == COAP2_VALUE_TEXT;
    switch (member) {
    case COAP2I_BASE_NAME:
        if (text) pack->base_name = *from;
        break;
    case COAP2I_SENML_NAME:
        if (text) pack->name = *from;
        break;
    case COAP2I_BASE_VALUE:
        coap2i_value_clear(&pack->base_value);
        if (from->kind == COAP2_VALUE_NUMBER)
            coap2i_value_take(&pack->base_value, from);
        break;
    case COAP2I_SENML_OTHER:
        break;
    default:
        if (from->kind == member - COAP2I_SENML_VALUE + COAP2_VALUE_NUMBER)
            coap2i_value_take(&pack->value, from);
        break;
    }
}

/* A record is over: is it the one that is looked for? */
static void coap2i_senml_end(coap2i_senml *pack, coap2i_field_name name,
                             bool own, coap2_value *value)
{
    coap2i_field_name rest = name;
    coap2_value base = pack->base_value;
    bool hit = coap2i_text_starts(&pack->base_name, &rest) &&
               coap2i_text_starts(&pack->name, &rest) && rest.at == rest.end;
    if (own && pack->base_name.text == NULL && pack->name.text == NULL)
        hit = true;
    if (!hit || pack->value.kind == COAP2_VALUE_MISSING) return;
    if (pack->value.kind == COAP2_VALUE_NUMBER &&
        base.kind == COAP2_VALUE_NUMBER)
        coap2i_add(&pack->value, &base);
    *value = pack->value;
}

COAP2I_RARE void coap2i_look_senml(coap2i_walk *w, coap2i_field_name name,
                                   bool own, coap2_value *value)
{
    coap2i_senml pack;
    uint8_t member = COAP2I_SENML_OTHER;
    memset(&pack, 0, sizeof pack);
    for (;;) {
        switch (coap2i_walk_next(w)) {
        case COAP2I_KEY:
            if (w->level == 2u) member = coap2i_senml_member(&w->value);
            break;
        case COAP2I_SCALAR:
            if (w->level == 2u) coap2i_senml_take(&pack, member, &w->value);
            break;
        case COAP2I_OPENED:
            if (w->level == 2u) coap2i_senml_begin(&pack);
            break;
        case COAP2I_CLOSED:
            if (w->level == 1u) coap2i_senml_end(&pack, name, own, value);
            break;
        default:
            return;
        }
    }
}

static void coap2i_look_document(const coap2i_reader *r, coap2i_field_name name,
                                 bool own, coap2_value *value)
{
    coap2i_walk w;
    memset(&w, 0, sizeof w);
    w.r = *r;
    switch (r->format) {
    case COAP2_FORMAT_SENML_JSON:
    case COAP2_FORMAT_SENML_CBOR:
        w.r.format = r->format == COAP2_FORMAT_SENML_JSON ? COAP2_FORMAT_JSON
                                                          : COAP2_FORMAT_CBOR;
        coap2i_look_senml(&w, name, own, value);
        break;
    default:
        coap2i_look_members(&w, name, own, value);
        break;
    }
}

#endif

COAP2_DEF void coap2_look_payload(const void *payload, coap2_ref field,
                                  coap2_value *value)
{
    const coap2_payload *p = (const coap2_payload *)payload;
    bool own = field.length == 0u;
    uint8_t word[5];
    coap2i_field_name name;
    coap2i_reader r;
    if (field.old || field.name == NULL) return;
    name.at = own ? word : (const uint8_t *)field.name;
    name.end = name.at + field.length;
    if (own) name.end = coap2i_put_word(word, COAP2_TEXT("value"), sizeof word);
    memset(&r, 0, sizeof r);
    r.at = p->bytes;
    r.end = p->bytes + p->length;
    r.format = p->format;
    if (r.format == COAP2_FORMAT_TEXT || r.format == 0xffffu)
        coap2i_look_text(&r, name, own, value);
#if COAP2_WITH_JSON || COAP2_WITH_CBOR
    else
        coap2i_look_document(&r, name, own, value);
#endif
}

#endif /* COAP2_WITH_RULES */

/* ---- >>chance: the node's generator ---------------------------------------
   Knows a block cipher, and that what it gives away must not tell what comes
   next. Knows no messages. */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

/* A round of Speck64/128, which also makes the next round's key. */
COAP2I_RARE void coap2i_stir(uint32_t *x, uint32_t *y, uint32_t key)
{
    uint32_t low = *y;
    *x = ((*x >> 8 | *x << 24) + low) ^ key;
    *y = (low << 3 | low >> 29) ^ *x;
}

static void coap2i_encrypt(const uint32_t secret[4], uint32_t block[2])
{
    uint32_t key[4];
    uint8_t round, i = 1;
    memcpy(key, secret, sizeof key);
    for (round = 0; round < 27u; round++) {
        coap2i_stir(&block[1], &block[0], key[0]);
        coap2i_stir(&key[i], &key[0], round);
        if (++i == 4u) i = 1;
    }
}

static uint32_t coap2i_chance(coap2_node *node)
{
    uint32_t block[2];
    if (node->random != NULL) return node->random(node->io);
    block[0] = node->count++;
    block[1] = 0;
    coap2i_encrypt(node->key, block);
    return block[0];
}

/* A number from 0 to `most`, with all of them about as likely. */
static uint16_t coap2i_chance_to(coap2_node *node, uint16_t most)
{
    uint16_t chance = (uint16_t)coap2i_chance(node);
    return (uint16_t)(((uint32_t)chance * most + chance) >> 16);
}

COAP2_DEF void coap2_seed(coap2_node *node, const void *bytes, size_t length)
{
    const uint8_t *from = (const uint8_t *)bytes;
    size_t i;
    for (i = 0; i < length; i++)
        node->key[i / 4u % 4u] ^= (uint32_t)from[i] << i % 4u * 8u;
}

#endif

/* ---- >>exchanges: peers, slots, duplicates ---------------------------------
   Knows what was sent and waits, and what was handled and may come again (RFC
   7252 4). Knows neither resources nor requests. */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

enum {
    COAP2I_FREE,
    COAP2I_DELAYED,   /* leaves when it is due, and is forgotten */
    COAP2I_LATE,      /* a ticket; its request waits for an empty ACK */
    COAP2I_TICKET,    /* the same with nothing to acknowledge any more */
    COAP2I_ANSWERING, /* a confirmable answer, until it is acknowledged */
    COAP2I_QUEUED,    /* a request that was not sent yet */
    COAP2I_SENDING,   /* a confirmable one that was not acknowledged */
    COAP2I_WAITING,   /* for its answer */
    COAP2I_WATCHING,  /* for the next notification */
    COAP2I_SEEKING    /* a request that looks for its host */
};

/* How long poll rests where `send` was busy. */
enum { COAP2I_BUSY_MS = 10 };

#if COAP2_WITH_LOG
#define COAP2I_LOG(node, what, peer)                           \
    do {                                                       \
        if ((node)->log != NULL)                               \
            (node)->log((node)->io, COAP2_TEXT(what), (peer)); \
    } while (0)
#else
#define COAP2I_LOG(node, what, peer) ((void)0)
#endif

COAP2_DEF bool coap2_peer_equals(const coap2_peer *a, const coap2_peer *b)
{
#if COAP2_ADDRESS_SIZE >= 16
    if (a->scope != b->scope) return false;
#endif
    return a->kind == b->kind && a->port == b->port &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

/* Has the time come? By a pointer, as four bytes are many on AVR. */
static bool coap2i_is_past(const coap2_node *node, const uint32_t *due)
{
    return (int32_t)(*due - node->time) <= 0;
}

static uint8_t *coap2i_slot(const coap2_node *node, uint8_t slot)
{
    return node->out + slot * node->packet;
}

/* An exchange that nothing waits in and that has a slot; or NULL. */
static coap2_exchange *coap2i_free_exchange(coap2_node *node)
{
    coap2_exchange *e = node->exchanges;
    uint8_t i;
    for (i = 1; i < node->slots; i++, e++)
        if (e->state == COAP2I_FREE) return e;
    return NULL;
}

COAP2I_RARE uint8_t *coap2i_packet(const coap2_node *node,
                                   const coap2_exchange *e)
{
    return coap2i_slot(node, (uint8_t)(e - node->exchanges + 1));
}

#if COAP2_WITH_BLOCKS

/* Bytes of a block, and where it stands in its body: by calls, as shifts by a
   variable are loops where a machine has no shifter. */
COAP2I_RARE uint16_t coap2i_block_size(uint8_t szx)
{
    return (uint16_t)(16u << szx);
}

COAP2I_RARE uint32_t coap2i_block_at(const coap2_block *block)
{
    return COAP2_BLOCK_AT(*block);
}

/* The largest block of at most this size that the room can hold. */
COAP2I_RARE uint8_t coap2i_fit_szx(size_t room, uint8_t szx)
{
    while (szx != 0u && coap2i_block_size(szx) > room) szx--;
    return szx;
}

#endif

/* Keep a message for so many milliseconds. Where no exchange is free it is
   lost, as on the way. */
COAP2I_RARE void coap2i_delay(coap2_node *node, const coap2_peer *to,
                              const uint8_t *bytes, size_t length,
                              uint16_t wait)
{
    coap2_exchange *e = coap2i_free_exchange(node);
    if (e == NULL) {
        COAP2I_LOG(node, "no free exchange: raise COAP2_MAX_EXCHANGES", to);
        return;
    }
    memcpy(coap2i_packet(node, e), bytes, length);
    e->peer = *to;
    e->peer.group = false;
    e->length = (uint16_t)length;
    e->state = COAP2I_DELAYED;
    e->due = node->time + wait;
}

#if COAP2I_FINDS

/* All CoAP nodes, and that this is where a message goes (12.8). */
static bool coap2i_is_everywhere(const coap2_peer *to)
{
    return to->kind == 0u && to->group;
}

/* Send to the groups of all nodes. One that can be reached is enough. */
static coap2_result coap2i_transmit_everywhere(coap2_node *node,
                                               const coap2_peer *to,
                                               const uint8_t *bytes,
                                               size_t length)
{
    static const uint8_t ipv4[4] COAP2_FLASH = {224, 0, 1, 187};
    coap2_peer group = *to;
    coap2_result result;
#if COAP2_ADDRESS_SIZE >= 16
    uint8_t scope;
#endif
    group.kind = COAP2_PEER_IPV4;
    COAP2I_FLASH_COPY(group.address, ipv4, sizeof ipv4);
    result = node->send(node->io, &group, bytes, length);
#if COAP2_ADDRESS_SIZE >= 16
    for (scope = 2; scope <= 5u; scope = (uint8_t)(scope + 3u)) {
        coap2_result sent;
        memset(group.address, 0, sizeof group.address);
        group.kind = COAP2_PEER_IPV6;
        group.address[0] = 0xff;
        group.address[1] = scope;
        group.address[15] = 0xfd;
        sent = node->send(node->io, &group, bytes, length);
        if (result != COAP2_OK && sent != COAP2_ERR_SEND) result = sent;
    }
#endif
    return result;
}

#endif

/* Here a message leaves for the wire. */
COAP2I_RARE coap2_result coap2i_transmit(coap2_node *node, const coap2_peer *to,
                                         const uint8_t *bytes, size_t length)
{
#if COAP2I_FINDS
    if (coap2i_is_everywhere(to))
        return coap2i_transmit_everywhere(node, to, bytes, length);
#endif
    return node->send(node->io, to, bytes, length);
}

/* Send once, now or as soon as can be. */
static void coap2i_send(coap2_node *node, const coap2_peer *to,
                        const uint8_t *bytes, size_t length)
{
    if (coap2i_transmit(node, to, bytes, length) == COAP2_ERR_AGAIN)
        coap2i_delay(node, to, bytes, length, 0);
}

COAP2I_RARE void coap2i_send_empty(coap2_node *node, const coap2_peer *to,
                                   uint8_t type, uint16_t id)
{
    uint8_t bytes[4];
    bytes[0] = (uint8_t)(0x40u + type * 16u);
    bytes[1] = COAP2_000_EMPTY;
    bytes[2] = (uint8_t)(id >> 8);
    bytes[3] = (uint8_t)id;
    coap2i_send(node, to, bytes, sizeof bytes);
}

/* Reject a message: only a confirmable one is told so (4.2, 4.3), and none
   that came to a group (8.1). */
static void coap2i_reject(coap2_node *node, const coap2_peer *from,
                          const coap2_msg *msg)
{
    COAP2I_LOG(node, "rejected", from);
    if (msg->type == COAP2_CON && !from->group)
        coap2i_send_empty(node, from, COAP2_RST, msg->id);
}

/* What tells tokens apart in a record. */
COAP2I_RARE uint16_t coap2i_hash_token(const coap2_msg *msg)
{
    uint16_t hash = (uint16_t)(msg->code * 256u + msg->token_length);
    uint8_t i;
    for (i = 0; i < msg->token_length; i++)
        hash = (uint16_t)((uint16_t)(hash ^ msg->token[i]) * 40503ul);
    return hash;
}

/* Forget what is too old. */
static void coap2i_forget(coap2_node *node)
{
    coap2_duplicate *d = node->duplicates;
#if COAP2I_FINDS
    coap2_place *p = node->places;
#endif
    for (; d != node->duplicates + COAP2_MAX_DUPLICATES; d++)
        if (d->used && coap2i_is_past(node, &d->until)) d->used = false;
#if COAP2I_FINDS
    for (; p != node->places + COAP2_MAX_NAMES; p++)
        if (p->used && coap2i_is_past(node, &p->until)) p->used = false;
#endif
}

/* The record of a peer's message id; NULL if there is none. */
static coap2_duplicate *coap2i_recall(coap2_node *node, const coap2_peer *peer,
                                      uint16_t id)
{
    coap2_duplicate *d = node->duplicates;
    for (; d != node->duplicates + COAP2_MAX_DUPLICATES; d++)
        if (d->used && d->id == id && coap2_peer_equals(&d->peer, peer))
            return d;
    return NULL;
}

/* A record for a message: its own, else a free one, else the oldest. They stand
   in the order of their coming, the newest first: also the one that takes the
   place of another under its id. */
static coap2_duplicate *coap2i_record(coap2_node *node, const coap2_peer *peer,
                                      uint16_t id)
{
    coap2_duplicate *d = node->duplicates;
    coap2_duplicate *place = coap2i_recall(node, peer, id);
    if (place == NULL) {
        place = d;
        while (place != d + (COAP2_MAX_DUPLICATES - 1) && place->used) place++;
    }
    memmove(d + 1, d, (size_t)(place - d) * sizeof *d);
    return d;
}

/* Remember a message that was handled, with its answer: the code, and what
   followed its token. Of an answer that is too long the payload is left out,
   and, if need be, the options; a 2.05 without its payload is none. */
static coap2_duplicate *coap2i_remember(coap2_node *node,
                                        const coap2_peer *peer,
                                        const coap2_msg *msg,
                                        const coap2_writer *answer)
{
    coap2_duplicate *d = coap2i_record(node, peer, msg->id);
    uint16_t seconds = node->non_lifetime;
    size_t length;
    d->peer = *peer;
    d->used = true;
    if (msg->type == COAP2_CON) seconds = node->exchange_lifetime;
    d->until = node->time + (uint32_t)seconds * 1000u;
    d->id = msg->id;
    d->token = coap2i_hash_token(msg);
    d->code = COAP2_000_EMPTY;
    d->length = 0;
    if (answer == NULL) return d;
    d->code = answer->start[1];
    length = (size_t)(answer->next - answer->options);
    if (length > sizeof d->bytes) {
        if (d->code == COAP2_205_CONTENT)
            d->code = COAP2_500_INTERNAL_SERVER_ERROR;
        length -= answer->payload_size;
        if (length > sizeof d->bytes || d->code >= COAP2_CODE(4, 0)) return d;
    }
    d->length = (uint8_t)length;
    memcpy(d->bytes, answer->options, length);
    return d;
}

#if COAP2_WITH_CLIENT || COAP2_WITH_LATER

static coap2_exchange *coap2i_find_handle(coap2_node *node, int16_t handle)
{
    coap2_exchange *e = node->exchanges;
    for (; e != node->exchanges + COAP2_MAX_EXCHANGES; e++)
        if (e->state > COAP2I_DELAYED && e->handle == handle) return e;
    return NULL;
}

static int16_t coap2i_new_handle(coap2_node *node)
{
    do {
        if (++node->last_handle <= 0) node->last_handle = 1;
    } while (coap2i_find_handle(node, node->last_handle) != NULL);
    return node->last_handle;
}

/* The exchange that an ACK or RST, or a request that comes again, is about. */
static coap2_exchange *coap2i_find_id(coap2_node *node, const coap2_peer *peer,
                                      uint16_t id, uint8_t first, uint8_t last)
{
    coap2_exchange *e = node->exchanges;
    for (; e != node->exchanges + COAP2_MAX_EXCHANGES; e++)
        if (e->state >= first && e->state <= last &&
            e->state != COAP2I_QUEUED && e->id == id &&
            coap2_peer_equals(&e->peer, peer))
            return e;
    return NULL;
}

#endif

#if COAP2_WITH_LATER

/* Acknowledge a request whose answer is late. */
static void coap2i_ack_late(coap2_node *node, coap2_exchange *e)
{
    e->state = COAP2I_TICKET;
    coap2i_send_empty(node, &e->peer, COAP2_ACK, e->id);
}

/* A request that is still being answered comes again (5.2.2). */
static bool coap2i_repeat_late(coap2_node *node, const coap2_peer *from,
                               const coap2_msg *msg)
{
    coap2_exchange *e =
        coap2i_find_id(node, from, msg->id, COAP2I_LATE, COAP2I_TICKET);
    if (e == NULL || e->token_length != msg->token_length ||
        memcmp(e->token, msg->token, e->token_length) != 0)
        return false;
    if (msg->type == COAP2_CON) coap2i_ack_late(node, e);
    return true;
}

#endif

/* Ids are counted up from a random start: 65,536 in an EXCHANGE_LIFETIME to
   all peers together may pass before one is used again (4.4). */
static uint16_t coap2i_new_id(coap2_node *node)
{
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER
    const coap2_exchange *e = node->exchanges;
    while (e != node->exchanges + COAP2_MAX_EXCHANGES) {
        bool used = e->state >= COAP2I_ANSWERING && e->state != COAP2I_QUEUED &&
                    e->id == node->next_id;
        e++;
        if (!used) continue;
        node->next_id++;
        e = node->exchanges;
    }
#endif
    return node->next_id++;
}

#if COAP2_WITH_CLIENT || COAP2_WITH_LATER || COAP2_WITH_OBSERVE

/* How long to wait for the first acknowledgement (4.2); 65 s at most. */
COAP2I_RARE uint16_t coap2i_first_timeout(coap2_node *node)
{
    uint16_t percent = node->random_factor, least = node->ack_timeout;
    uint16_t most = (uint16_t)(65535u - least);
    uint32_t span = 0;
    if (percent > 100u)
        span = (uint32_t)(uint16_t)(percent - 100u) * least / 100u;
    if (span < most) most = (uint16_t)span;
    return (uint16_t)(least + coap2i_chance_to(node, most));
}

#endif

/* Begin the answer to a message, in the slot to write in, with the head that
   the message came with: as its ACK, or as a message of its own. The smallest
   packet holds any head. */
static void coap2i_open_reply(coap2_node *node, coap2_writer *w,
                              const coap2_msg *msg, uint8_t code)
{
    uint8_t *head = node->out, size = 4;
    if (code != COAP2_000_EMPTY) size = (uint8_t)(size + msg->token_length);
    coap2_write_start(w, head, node->packet);
    w->options = w->next = head + size;
    memcpy(head, msg->token - 4, size);
    head[0] = (uint8_t)((4u + COAP2_ACK) * 16u + size - 4u);
    head[1] = code;
    if (msg->type == COAP2_NON) {
        uint16_t id = coap2i_new_id(node);
        head[0] = (uint8_t)((4u + COAP2_NON) * 16u + size - 4u);
        head[2] = (uint8_t)(id >> 8);
        head[3] = (uint8_t)id;
    }
}

/* Answer a message with a code and what follows the token. */
static void coap2i_reply(coap2_node *node, const coap2_peer *to,
                         const coap2_msg *msg, uint8_t code,
                         const uint8_t *bytes, uint8_t length)
{
    coap2_writer w;
    coap2i_open_reply(node, &w, msg, code);
    coap2i_put_bytes(&w, bytes, length);
    coap2i_send(node, to, w.start, coap2_write_end(&w));
}

/* Answer a message that was handled as it was answered then. False if it is
   new: another token makes it so (4.5). */
static bool coap2i_repeat(coap2_node *node, const coap2_peer *from,
                          const coap2_msg *msg)
{
    const coap2_duplicate *d = coap2i_recall(node, from, msg->id);
#if COAP2_WITH_LATER
    if (coap2i_repeat_late(node, from, msg)) return true;
#endif
    if (d == NULL || d->token != coap2i_hash_token(msg)) return false;
    COAP2I_LOG(node, "a message comes again", from);
    if (msg->type == COAP2_CON)
        coap2i_reply(node, from, msg, d->code, d->bytes, d->length);
    return true;
}

#if COAP2_WITH_CLIENT || COAP2_WITH_LATER

/* Transmit a confirmable message, for the first time or again, and set when to
   do so next (4.2). */
static coap2_result coap2i_transmit_con(coap2_node *node, coap2_exchange *e)
{
    coap2_result result =
        coap2i_transmit(node, &e->peer, coap2i_packet(node, e), e->length);
    e->due = node->time;
    if (result != COAP2_OK) return result;
    if (e->tries++ == 0u)
        e->timeout = coap2i_first_timeout(node);
    else if (e->timeout < 0x40000000ul)
        e->timeout *= 2u;
    e->due = node->time + e->timeout;
    return COAP2_OK;
}

#endif

#endif /* COAP2_WITH_SERVER || COAP2_WITH_CLIENT */

/* ---- >>conditions: a rule in a query ---------------------------------------
   Knows the conditional parameters of draft-ietf-core-conditional-attributes-12
   and says them in the code of a rule. Knows no subscribers. */

#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE

/* Is it a part of the query that is a rule? */
static bool coap2i_is_condition(const coap2_opt *opt)
{
#if COAP2I_SUBSCRIBES
    return opt->number == COAP2_OPT_URI_QUERY && opt->length >= 2u &&
           opt->value[0] == 'c' && opt->value[1] == '.';
#else
    (void)opt;
    return false;
#endif
}

#endif

#if COAP2_WITH_SERVER && COAP2I_SUBSCRIBES

/* The parameters in the order of their names: first those that are numbers,
   then those that are numbers above zero, two booleans, and one that is
   nothing. */
enum {
    COAP2I_IF_GT,
    COAP2I_IF_LT,
    COAP2I_IF_ST,
    COAP2I_IF_PMIN,
    COAP2I_IF_PMAX,
    COAP2I_IF_EPMIN,
    COAP2I_IF_EPMAX,
    COAP2I_IF_CON,
    COAP2I_IF_EDGE,
    COAP2I_IF_BAND,
    COAP2I_IF_NONE
};
static const char coap2i_condition_names[] COAP2_FLASH =
    "gt\0lt\0st\0pmin\0pmax\0epmin\0epmax\0con\0edge\0band\0";
static const char coap2i_condition_bools[] COAP2_FLASH =
    "false\0true\0000\0001\0";

/* What the parameters of a request ask for, beside the rule. `name` is that of
   the one under way, which has its value as the rule's text; of a fault, the
   one to blame. */
typedef struct coap2i_conditions {
    coap2i_compiler rule;
    const coap2_msg *msg;
    const uint8_t *name;
    uint8_t name_length;
    bool con;  /* notifications must be confirmable */
    bool edge; /* which one */
} coap2i_conditions;

/* Take a parameter apart; returns its row. The examples of the draft have
   quotes around values. */
static uint8_t coap2i_condition_row(coap2i_conditions *q, const coap2_opt *opt)
{
    const uint8_t *name = opt->value, *at = name, *value;
    uint8_t left = (uint8_t)opt->length;
    for (; left != 0u && *at != '='; left--) at++;
    q->name = name;
    q->name_length = (uint8_t)(at - name);
    value = at;
    if (left != 0u) {
        value++;
        left--;
    }
    if (left > 1u && *value == '"' && value[left - 1u] == '"') {
        value++;
        left = (uint8_t)(left - 2u);
    }
    q->rule.text = value;
    q->rule.length = left;
    return coap2i_find_word(coap2i_condition_names, COAP2I_IF_NONE, name + 2,
                            at);
}

/* Read an xs:decimal, which may have a plus, no digit before or none behind the
   point, and zeros that say nothing; but nine digits at most that do. */
static bool coap2i_condition_number(coap2i_compiler *c)
{
    uint8_t byte = coap2i_rule_byte(c, 0), any, digits;
    c->magnitude = 0;
    c->decimals = 0;
    c->negative = byte == '-';
    c->next = byte == '-' || byte == '+';
    any = (uint8_t)(c->length - c->next);
    while (coap2i_rule_byte(c, c->next) == '0') c->next++;
    digits = coap2i_rule_digits(c);
    if (coap2i_rule_byte(c, c->next) == '.') {
        any--;
        while (c->text[c->length - 1u] == '0') c->length--;
        c->next++;
        c->decimals = coap2i_rule_digits(c);
        digits = (uint8_t)(digits + c->decimals);
    }
    return c->next == c->length && any != 0u && digits <= 9u;
}

/* Go to the first parameter of that row. Returns 0 if there is none, 2 if it is
   a number, else 1; and stays with the one at fault. */
COAP2I_RARE uint8_t coap2i_condition_find(coap2i_conditions *q, uint8_t row)
{
    coap2_opt opt = q->msg->options;
    while (q->rule.error == COAP2_OK && coap2_opt_next(&opt))
        if (coap2i_is_condition(&opt) && coap2i_condition_row(q, &opt) == row)
            return coap2i_condition_number(&q->rule) ? 2 : 1;
    return 0;
}

/* Are a parameter and the one behind it there, and do they compare like that?
   The place of the code serves for this test. */
COAP2I_RARE bool coap2i_conditions_are(coap2i_conditions *q, uint8_t row,
                                       uint8_t operation)
{
    coap2i_compiler *c = &q->rule;
    uint8_t last = (uint8_t)(row + 1u);
    c->size = 1;
    coap2i_code_put(c, COAP2I_CODE_TEST | operation);
    for (; row <= last; row++) {
        if (coap2i_condition_find(q, row) == 0u) return false;
        coap2i_code_number(c);
    }
    coap2i_code_put(c, COAP2I_CODE_END);
    return c->error == COAP2_OK &&
           coap2_rule_eval(c->code, NULL, NULL) == COAP2_TRUE;
}

/* Is a parameter known, and its value right? */
static const char *coap2i_condition_check(coap2i_conditions *q,
                                          const coap2_opt *opt)
{
    coap2i_compiler *c = &q->rule;
    uint8_t row = coap2i_condition_row(q, opt), found, truth;
    if (row == COAP2I_IF_NONE) {
        if (q->name_length > 20u) q->name_length = 2; /* which may not fit */
        return COAP2_TEXT("unknown");
    }
    found = coap2i_condition_find(q, row);
    if (q->name != opt->value) return COAP2_TEXT("stands twice");
    if (row == COAP2I_IF_BAND)
        return c->length == 0u ? NULL : COAP2_TEXT("has no value");
    if (row < COAP2I_IF_CON) {
        if (found != 2u) return COAP2_TEXT("not a number of 9 digits");
        if (row < COAP2I_IF_ST || (!c->negative && c->magnitude != 0u))
            return NULL;
        return COAP2_TEXT("not above 0");
    }
    truth = coap2i_find_word(coap2i_condition_bools, 4, c->text,
                             c->text + c->length);
    if (row == COAP2I_IF_CON)
        q->con = truth & 1u;
    else
        q->edge = truth & 1u;
    return truth < 4u ? NULL : COAP2_TEXT("not 0 or 1");
}

/* A test of the resource's own value with the number under way. */
static void coap2i_condition_test(coap2i_compiler *c, uint8_t operation,
                                  uint8_t kind)
{
    coap2i_code_put(c, COAP2I_CODE_TEST | operation);
    coap2i_code_ref(c, kind, 0, 0);
    coap2i_code_number(c);
}

static void coap2i_condition_or(coap2i_compiler *c)
{
    if (c->size > 1u) coap2i_code_put(c, COAP2I_CODE_OR);
}

enum { COAP2I_ANY_ORDER = COAP2I_LESS | COAP2I_EQUAL | COAP2I_GREATER };

/* c.gt and c.lt. Without c.band: on one side of the limit now, and on the other
   when something was sent last. With it all values count that are at or below
   c.gt, at or above c.lt, between both, or outside of both. */
static void coap2i_condition_limits(coap2i_conditions *q, bool band)
{
    coap2i_compiler *c = &q->rule;
    uint8_t row = COAP2I_IF_GT, operation = COAP2I_GREATER;
    uint8_t turn = COAP2I_ANY_ORDER;
    if (band && coap2i_conditions_are(q, COAP2I_IF_GT, COAP2I_LESS))
        turn = COAP2I_EQUAL;
    if (band && coap2i_conditions_are(q, COAP2I_IF_GT, COAP2I_GREATER))
        turn = 0;
    c->size = 0;
    coap2i_code_put(c, 0);
    for (; row <= (uint8_t)COAP2I_IF_LT; row++, operation = COAP2I_LESS) {
        if (coap2i_condition_find(q, row) == 0u) continue;
        if (turn != COAP2I_EQUAL) coap2i_condition_or(c);
        if (!band) {
            coap2i_condition_test(c, operation, COAP2I_NOW);
            coap2i_condition_test(c, operation ^ turn, COAP2I_OLD);
            coap2i_code_put(c, COAP2I_CODE_OR);
            coap2i_condition_test(c, operation, COAP2I_OLD);
        }
        coap2i_condition_test(c, operation ^ turn, COAP2I_NOW);
    }
}

/* Conditions, of which any will do. An edge is one from change to change, and
   not from what was sent last; no other can stand beside that, and none means
   anything for a boolean. */
static const char *coap2i_condition_body(coap2i_conditions *q)
{
    coap2i_compiler *c = &q->rule;
    bool band = coap2i_condition_find(q, COAP2I_IF_BAND) != 0u;
    if (band && coap2i_conditions_are(q, COAP2I_IF_GT, COAP2I_EQUAL))
        return COAP2_TEXT("equals c.gt");
    coap2i_condition_limits(q, band);
    if (c->size == 1u && coap2i_condition_find(q, COAP2I_IF_BAND) != 0u)
        return COAP2_TEXT("needs c.gt or c.lt");
    if (coap2i_condition_find(q, COAP2I_IF_ST) != 0u) {
        coap2i_condition_or(c);
        coap2i_condition_test(c, COAP2I_GREATER | COAP2I_EQUAL, COAP2I_DELTA);
    }
    if (coap2i_condition_find(q, COAP2I_IF_EDGE) != 0u) {
        if (c->size > 1u) return COAP2_TEXT("stands alone");
        c->code[0] = COAP2_RULE_WHEN;
        coap2i_code_put(c, COAP2I_CODE_TEST | (q->edge ? 0 : COAP2I_CODE_NOT));
        coap2i_code_ref(c, COAP2I_NOW, 0, 0);
    }
    coap2i_code_put(c, COAP2I_CODE_END);
    return NULL;
}

/* Go to a time; milliseconds, rounded up, and no more than a rule can say. */
COAP2I_RARE uint32_t coap2i_condition_ms(coap2i_conditions *q, uint8_t row)
{
    coap2i_compiler *c = &q->rule;
    uint32_t ms;
    if (coap2i_condition_find(q, row) == 0u) return 0;
    for (; c->decimals > 3u; c->decimals--)
        c->magnitude = (c->magnitude + 9u) / 10u;
    ms = coap2i_token_seconds(c);
    if (ms != 0u) return ms;
    c->magnitude = 2000000u;
    c->decimals = 0;
    return coap2i_token_seconds(c);
}

/* Compile what was checked one by one. */
static const char *coap2i_conditions_code(coap2i_conditions *q)
{
    const char *why;
    uint8_t which = 0;
    if (coap2i_conditions_are(q, COAP2I_IF_PMIN, COAP2I_GREATER) ||
        coap2i_conditions_are(q, COAP2I_IF_EPMIN,
                              COAP2I_GREATER | COAP2I_EQUAL))
        return COAP2_TEXT("too small");
    why = coap2i_condition_body(q);
    if (why != NULL) return why;
    for (; which < 2u; which++)
        if (coap2i_condition_ms(q, (uint8_t)(COAP2I_IF_PMIN + which)) != 0u)
            coap2i_code_time(&q->rule, which);
    if (q->rule.code[1] != COAP2I_CODE_END &&
        coap2i_condition_ms(q, COAP2I_IF_EPMAX) != 0u)
        coap2i_code_time(&q->rule, 2);
    return NULL;
}

/* Compile the conditional parameters of a request into a rule. Returns the
   length of its code, 0 if there are none, or as coap2_rule_compile does; the
   fault is that of q->name, which stands in the message. */
static int16_t coap2i_compile_conditions(
    coap2i_conditions *q, const coap2_msg *msg, const coap2_field *fields,
    uint8_t count, uint8_t *code, size_t capacity, coap2_rule_fault *fault)
{
    coap2_opt opt = msg->options;
    const char *why = NULL;
    memset(q, 0, sizeof *q);
    q->msg = msg;
    q->rule.fields = fields;
    q->rule.field_count = count;
    q->rule.code = code;
    q->rule.capacity = capacity;
    q->rule.fault = fault;
    while (why == NULL && coap2_opt_next(&opt))
        if (coap2i_is_condition(&opt)) why = coap2i_condition_check(q, &opt);
    if (q->name == NULL) return 0;
    if (why == NULL) why = coap2i_conditions_code(q);
    if (why != NULL) coap2i_rule_fail(&q->rule, 0, why);
    if (q->rule.error != COAP2_OK) return (int16_t)q->rule.error;
    return (int16_t)q->rule.size;
}

#endif

/* ---- >>observers: who wants to know -----------------------------------------
   Knows which peer observes which resource, and what it was sent last (RFC
   7641 4). Knows no handlers. */

#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE

/* observer->news */
enum {
    COAP2I_RULED = 1,     /* a rule says what is sent */
    COAP2I_IN_DOUBT = 2,  /* there was a change, which it has not seen */
    COAP2I_MARKED = 4,    /* what is to be sent is what it asked for */
    COAP2I_MARK_FLIES = 8 /* and what waits for its acknowledgement */
};

/* observer->flags; the rest counts the messages that it may be sent at once */
enum {
    COAP2I_LIVES = 1,
    COAP2I_BY_CON = 2,
    COAP2I_HAS_NEWS = 4,
    COAP2I_IN_FLIGHT = 8,
    COAP2I_CREDIT = 16,
    COAP2I_MOST_CREDIT = 4,
    COAP2I_ENDS = 128 /* by the error under way, whose code is `format` */
};

enum { COAP2I_PACE_MS = 3000 }; /* 4.5.1 */
#define COAP2I_DAY_MS ((uint32_t)86400000)

static uint8_t coap2i_row_index(const coap2_node *node,
                                const struct coap2_resource *resource)
{
    uint8_t i = 0;
    const coap2_resource *row;
    do {
        row = COAP2I_FLASH_WORD(const coap2_resource *, node->resources + i);
        if (row == resource) return i;
    } while (row != NULL && ++i != 255u);
    return 255;
}

/* The number of the next notification, of 24 bits (3.4). */
static void coap2i_count_sequence(coap2_node *node)
{
    node->sequence = (node->sequence + 1u) & 0xffffffu;
}

/* A change is news to an observer, or to the rule of one that subscribed. */
static void coap2i_tell_change(coap2_observer *o)
{
#if COAP2I_SUBSCRIBES
    if ((o->news & COAP2I_RULED) != 0u) {
        o->news |= COAP2I_IN_DOUBT;
        return;
    }
#endif
    o->flags |= COAP2I_HAS_NEWS;
}

COAP2_DEF void coap2_changed(coap2_node *node, const coap2_resource *resource)
{
    uint8_t row;
    coap2_observer *o = node->observers;
    if (node->resources == NULL) return;
    row = coap2i_row_index(node, resource);
    for (; o != node->observers + COAP2_MAX_OBSERVERS; o++)
        if (o->row == row && o->flags != 0u) coap2i_tell_change(o);
}

/* The observation that a peer knows by this token; or a free place, or NULL. */
static coap2_observer *coap2i_find_observer(coap2_node *node,
                                            const coap2_peer *peer,
                                            const coap2_msg *msg, bool place)
{
    coap2_observer *o = node->observers, *unused = NULL;
    for (; o != node->observers + COAP2_MAX_OBSERVERS; o++) {
        if (o->flags == 0u)
            unused = o;
        else if (o->token_length == msg->token_length &&
                 memcmp(o->token, msg->token, o->token_length) == 0 &&
                 coap2_peer_equals(&o->peer, peer))
            return o;
    }
    return place ? unused : NULL;
}

/* Keep the options that make the request what it is, and the body of a FETCH.
   ETags are a help only, and a path is the row's but where that has a star. */
static bool coap2i_keep_options(coap2_observer *o, const coap2_msg *msg,
                                bool path, bool etags)
{
    coap2_opt opt;
    coap2_writer w;
    coap2i_rewind(&opt, msg);
    coap2_write_start(&w, o->options, sizeof o->options);
    while (coap2_opt_next(&opt))
        if ((opt.number == COAP2_OPT_ETAG && etags) ||
            (opt.number == COAP2_OPT_URI_PATH && path) ||
            (opt.number == COAP2_OPT_URI_QUERY && !coap2i_is_condition(&opt)) ||
            opt.number == COAP2_OPT_ACCEPT || opt.number == COAP2_OPT_BLOCK2 ||
            (opt.number == COAP2_OPT_CONTENT_FORMAT &&
             msg->code == COAP2_005_FETCH))
            coap2_write_opt(&w, opt.number, opt.value, opt.length);
    o->options_length = (uint8_t)coap2_write_end(&w);
    o->payload_length = 0;
    if (msg->code != COAP2_005_FETCH) return w.error == COAP2_OK;
    o->payload_length = (uint8_t)msg->payload_length;
    coap2i_put_bytes(&w, msg->payload, msg->payload_length);
    return w.error == COAP2_OK;
}

/* Begin or renew an observation; NULL if there is no place for it. */
static coap2_observer *coap2i_observe(coap2_node *node, const coap2_peer *peer,
                                      const coap2_msg *msg, uint8_t row,
                                      bool path, uint16_t format)
{
    coap2_observer *o = coap2i_find_observer(node, peer, msg, true);
    uint8_t news = 0;
    if (o == NULL) return NULL;
    if ((o->flags & (COAP2I_HAS_NEWS | COAP2I_IN_FLIGHT)) != 0u)
        news = COAP2I_HAS_NEWS;
#if COAP2I_SUBSCRIBES
    if (o->flags == 0u) {
        o->news = 0;
        o->subscription = 0;
    }
#endif
    o->flags = 0;
    if (!coap2i_keep_options(o, msg, path, true) &&
        !coap2i_keep_options(o, msg, path, false))
        return NULL;
    o->peer = *peer;
    o->row = row;
    o->code = msg->code;
    o->format = format;
    o->token_length = msg->token_length;
    memcpy(o->token, msg->token, o->token_length);
    o->tries = 0;
    o->due = node->time + COAP2I_DAY_MS;
    o->flags = COAP2I_LIVES | COAP2I_MOST_CREDIT * COAP2I_CREDIT;
    o->flags |= news; /* this answer may be lost, or be a repeated one */
    if (msg->type == COAP2_CON) o->flags |= COAP2I_BY_CON;
    return o;
}

/* An ACK or RST that may be about a notification. */
static void coap2i_observer_heard(coap2_node *node, const coap2_peer *from,
                                  const coap2_msg *msg)
{
    coap2_observer *o = node->observers;
    for (; o != node->observers + COAP2_MAX_OBSERVERS; o++) {
        if (o->flags == 0u || o->id != msg->id ||
            !coap2_peer_equals(&o->peer, from))
            continue;
        if (msg->type == COAP2_RST || (o->flags & COAP2I_ENDS) != 0u) {
            o->flags = 0;
        } else if ((o->flags & COAP2I_IN_FLIGHT) != 0u) {
            o->flags &= (uint8_t)~COAP2I_IN_FLIGHT;
#if COAP2I_SUBSCRIBES
            o->news &= (uint8_t)~COAP2I_MARK_FLIES;
#endif
            o->sequence = node->time;
            o->tries = 0;
            o->due = node->time + COAP2I_DAY_MS;
        }
    }
}

/* How many messages may be sent to an observer now without a pause: one every
   three seconds, of which a few may be saved up (4.5.1). */
static uint8_t coap2i_credit(const coap2_node *node, const coap2_observer *o)
{
    uint32_t passed = node->time - o->sequence;
    uint8_t credit = o->flags / COAP2I_CREDIT;
    while (credit < COAP2I_MOST_CREDIT && passed >= COAP2I_PACE_MS) {
        passed -= COAP2I_PACE_MS;
        credit++;
    }
    return credit;
}

/* When a message may go to an observer: 0 now, milliseconds, or when another
   has been acknowledged, also where the daily one is due (4.5.1). */
static uint32_t coap2i_observer_rest(const coap2_node *node,
                                     const coap2_observer *o)
{
    const coap2_observer *x = node->observers;
    uint32_t due = o->due - node->time, pause;
    if (coap2i_is_past(node, &o->due)) due = 0;
    if ((o->flags & COAP2I_IN_FLIGHT) != 0u) return due;
    if (due != 0u) {
        if ((o->flags & COAP2I_HAS_NEWS) == 0u) return due;
        if ((o->flags & COAP2I_BY_CON) == 0u) {
            if (coap2i_credit(node, o) != 0u) return 0;
            pause = o->sequence + COAP2I_PACE_MS - node->time;
            return pause < due ? pause : due;
        }
    }
    for (; x != node->observers + COAP2_MAX_OBSERVERS; x++)
        if ((x->flags & COAP2I_IN_FLIGHT) != 0u &&
            coap2_peer_equals(&x->peer, &o->peer))
            return COAP2_FOREVER;
    return 0;
}

#endif

/* ---- >>resources: requests and their answers -------------------------------
   Knows tables of resources, the options of a request, and how an answer is
   made (RFC 7252 5). Knows nothing of when messages come and go. */

#if COAP2_WITH_SERVER

/* Does a path end in a star? */
static bool coap2i_has_star(const coap2_resource *resource)
{
    const char *path = COAP2I_FLASH_WORD(const char *, &resource->path);
    char c, last = '\0';
    while ((c = coap2i_flash_char(path++)) != '\0') last = c;
    return last == '*';
}

/* req->flags */
enum {
    COAP2I_BAD_OPTION = 1, /* a critical one that is not understood */
    COAP2I_TO_PROXY = 2,
    COAP2I_HAS_IF_MATCH = 4,
    COAP2I_HAS_IF_NONE_MATCH = 8,
    COAP2I_HAS_ETAG = 16,
    COAP2I_HAS_ACCEPT = 32,
    COAP2I_SUBSCRIBES_BY = 64, /* it has an option of a subscription */
    COAP2I_IS_LATE = 128,
    COAP2I_OBSERVES = 256,
    COAP2I_OBSERVES_NO_MORE = 512,
    COAP2I_HAS_BLOCK2 = 1024,
    COAP2I_HAS_BLOCK1 = 2048,
    COAP2I_BAD_BLOCK = 4096,
    COAP2I_WANTS_SIZE = 8192,
    COAP2I_HAS_BODY = 16384 /* in node.bodies */
};
#define COAP2I_NOT_TEXT 0x8000u

#if COAP2_WITH_BLOCKS
#define coap2i_body coap2_write_body
#else
#define coap2i_body coap2_write_payload
#endif

/* What a request's options may be, and what each of them sets. The low bits of
   `form` are the high ones of the number; the low ones differ in all rows. */
enum { COAP2I_MAY_REPEAT = 0x80, COAP2I_NOT_EMPTY = 0x40 };
static const uint8_t coap2i_request_forms[][4] COAP2_FLASH = {
    {COAP2_OPT_URI_PATH, 255, COAP2I_MAY_REPEAT, 0},
    {COAP2_OPT_URI_QUERY, 255, COAP2I_MAY_REPEAT, 0},
    {COAP2_OPT_CONTENT_FORMAT, 2, 0, 0},
    {COAP2_OPT_ACCEPT, 2, 0, COAP2I_HAS_ACCEPT},
    {COAP2_OPT_IF_MATCH, 8, COAP2I_MAY_REPEAT, COAP2I_HAS_IF_MATCH},
    {COAP2_OPT_ETAG, 8, COAP2I_MAY_REPEAT | COAP2I_NOT_EMPTY, COAP2I_HAS_ETAG},
    {COAP2_OPT_IF_NONE_MATCH, 0, 0, COAP2I_HAS_IF_NONE_MATCH},
    {COAP2_OPT_URI_HOST, 255, COAP2I_NOT_EMPTY, 0},
    {COAP2_OPT_URI_PORT, 2, 0, 0},
#if COAP2_WITH_OBSERVE
    {COAP2_OPT_OBSERVE, 3, 0, 0},
#endif
#if COAP2_WITH_BLOCKS
    {COAP2_OPT_BLOCK2, 3, 0, 0},
    {COAP2_OPT_BLOCK1, 3, 0, 0},
    {COAP2_OPT_SIZE2, 4, 0, 0},
#endif
#if COAP2_REPLY_LIMIT > 0
    {COAP2_OPT_ECHO, 40, COAP2I_NOT_EMPTY, 0},
#endif
    {COAP2_OPT_NO_RESPONSE & 255, 1, COAP2_OPT_NO_RESPONSE >> 8, 0}};
enum { COAP2I_UNKNOWN = 255 };

/* What an option sets if we know it, if it is of a length that it may have, and
   the first of its number where it may not repeat (5.4.3, 5.4.5). */
static uint8_t coap2i_understand(const coap2_opt *opt, uint16_t before)
{
    const uint8_t *row = (const uint8_t *)coap2i_request_forms;
    const uint8_t *end = row + sizeof coap2i_request_forms;
    uint8_t form;
    while (COAP2I_FLASH_BYTE(row) != (uint8_t)opt->number) {
        row += 4;
        if (row == end) return COAP2I_UNKNOWN;
    }
    form = COAP2I_FLASH_BYTE(row + 2);
    if ((form & 3u) != opt->number >> 8 ||
        opt->length > COAP2I_FLASH_BYTE(row + 1) ||
        ((form & COAP2I_NOT_EMPTY) != 0u && opt->length == 0u) ||
        ((form & COAP2I_MAY_REPEAT) == 0u && opt->number == before))
        return COAP2I_UNKNOWN;
    return COAP2I_FLASH_BYTE(row + 3);
}

/* The number in an option of up to two bytes. */
static uint16_t coap2i_short(const coap2_opt *opt)
{
    uint16_t value = 0;
    uint8_t i;
    for (i = 0; i < (uint8_t)opt->length; i++)
        value = (uint16_t)(value * 256u + opt->value[i]);
    return value;
}

#if COAP2_WITH_OBSERVE

/* 0 begins, 1 ends, others mean nothing (RFC 7641 2), 2 in place of those that
   are too large for a byte. */
static void coap2i_take_observe(coap2_req *req, const coap2_opt *opt)
{
    uint8_t i, number = 0;
    for (i = 0; i < (uint8_t)opt->length; i++)
        number = number == 0u ? opt->value[i] : (uint8_t)2;
    if (number == 0u) req->flags |= COAP2I_OBSERVES;
    if (number == 1u) req->flags |= COAP2I_OBSERVES_NO_MORE;
}

#endif

#if COAP2_WITH_BLOCKS

static void coap2i_take_block(coap2_req *req, const coap2_opt *opt,
                              coap2_block *block, uint16_t flag)
{
    req->flags |= flag;
    if (coap2_block_read(block, opt) != COAP2_OK)
        req->flags |= COAP2I_BAD_BLOCK;
}

#endif

/* Does its method change nothing (5.1)? */
static bool coap2i_is_safe(const coap2_req *req)
{
    return (req->method & (COAP2_GET | COAP2_FETCH)) != 0u;
}

/* All options of a request, in one walk. */
static void coap2i_take_options(coap2_req *req)
{
    coap2_opt opt;
    uint16_t before = 0;
    coap2i_rewind(&opt, req->msg);
    for (; coap2_opt_next(&opt); before = opt.number) {
        uint8_t flags = coap2i_understand(&opt, before);
        if (opt.number == COAP2_OPT_PROXY_URI ||
            opt.number == COAP2_OPT_PROXY_SCHEME)
            flags = COAP2I_TO_PROXY;
#if COAP2I_SUBSCRIBES
        if (opt.number == COAP2_OPT_NOTIFICATION ||
            opt.number == COAP2_OPT_RULE)
            flags = COAP2I_SUBSCRIBES_BY;
#endif
        if (flags == COAP2I_UNKNOWN)
            flags = opt.number & COAP2I_BAD_OPTION; /* critical: odd (5.4.6) */
        else if (opt.number == COAP2_OPT_CONTENT_FORMAT)
            req->format = coap2i_short(&opt);
        else if (opt.number == COAP2_OPT_ACCEPT)
            req->accept = coap2i_short(&opt);
        else if (opt.number == COAP2_OPT_NO_RESPONSE)
            req->silent = (uint8_t)coap2i_short(&opt); /* RFC 7967 2.1 */
#if COAP2_WITH_OBSERVE
        else if (opt.number == COAP2_OPT_OBSERVE)
            coap2i_take_observe(req, &opt);
#endif
#if COAP2_WITH_BLOCKS
        else if (opt.number == COAP2_OPT_BLOCK2)
            coap2i_take_block(req, &opt, &req->block2, COAP2I_HAS_BLOCK2);
        else if (opt.number == COAP2_OPT_BLOCK1)
            coap2i_take_block(req, &opt, &req->block1, COAP2I_HAS_BLOCK1);
        else if (opt.number == COAP2_OPT_SIZE2)
            req->flags |= COAP2I_WANTS_SIZE;
#endif
        req->flags |= flags;
    }
}

COAP2I_RARE void coap2i_clear_answer(coap2_rsp *rsp)
{
    rsp->max_age = 60;
    rsp->format = COAP2_NO_FORMAT;
    rsp->etag_length = 0;
#if COAP2_WITH_OBSERVE
    rsp->observed = false;
#endif
#if COAP2I_SUBSCRIBES
    rsp->subscription = 0;
    rsp->marked = false;
#endif
#if COAP2_WITH_BLOCKS
    rsp->total = 0;
#endif
}

/* Take back all but the header. */
static void coap2i_reopen_answer(const coap2_node *node, coap2_rsp *rsp)
{
    uint8_t *start = rsp->w.start, *options = rsp->w.options;
    coap2_write_start(&rsp->w, start, node->packet);
    rsp->w.options = rsp->w.next = options;
    coap2i_clear_answer(rsp);
}

/* Is the state that the answer names among those that the request names? An
   empty If-Match is any (5.10.8.1). */
static bool coap2i_names_state(const coap2_req *req, const coap2_rsp *rsp,
                               uint16_t number)
{
    coap2_opt opt;
    coap2i_rewind(&opt, req->msg);
    while (coap2_opt_next(&opt)) {
        if (opt.number != number) continue;
        if (opt.length == 0u && number == COAP2_OPT_IF_MATCH) return true;
        if (opt.length != 0u && opt.length == rsp->etag_length &&
            memcmp(opt.value, rsp->etag, opt.length) == 0)
            return true;
    }
    return false;
}

/* Complete an answer: its options, its code. One that does not fit is 5.00. The
   payload waits, so that each option is written where it stays. */
static void coap2i_close_answer(const coap2_node *node, coap2_rsp *rsp,
                                uint8_t code)
{
    coap2_writer *w = &rsp->w;
    for (;;) {
        bool success = COAP2_CODE_CLASS(code) == 2u;
        size_t size = w->payload_size;
        uint8_t *end = w->end, *payload = w->next - size;
        if (w->error == COAP2_OK) coap2i_hold_back(w, payload, payload);
        w->payload_size = 0;
        if (rsp->etag_length != 0u && success)
            coap2_write_opt(w, COAP2_OPT_ETAG, rsp->etag, rsp->etag_length);
#if COAP2_WITH_OBSERVE
        if (rsp->observed && success)
            coap2_write_uint(w, COAP2_OPT_OBSERVE, rsp->sequence);
#endif
        /* a diagnostic has no format (5.5.2) */
        if (rsp->format != COAP2_NO_FORMAT &&
            (success || (rsp->format != COAP2_FORMAT_TEXT && size != 0u)))
            coap2_write_uint(w, COAP2_OPT_CONTENT_FORMAT, rsp->format);
        if (rsp->max_age != 60u)
            coap2_write_uint(w, COAP2_OPT_MAX_AGE, rsp->max_age);
#if COAP2I_SUBSCRIBES
        if (rsp->subscription != 0u && success)
            coap2_write_uint(w, COAP2_OPT_NOTIFICATION, rsp->subscription);
        if (rsp->marked && success) coap2_write_opt(w, COAP2_OPT_RULE, NULL, 0);
#endif
        coap2i_put_back(w, end);
        if (w->error == COAP2_OK) break;
        code = COAP2_500_INTERNAL_SERVER_ERROR;
        coap2i_reopen_answer(node, rsp);
    }
    w->start[1] = code;
}

COAP2_DEF bool coap2_req_is(coap2_req *req, const char *flash_text)
{
    if (req->format != COAP2_NO_FORMAT && req->format != COAP2_FORMAT_TEXT) {
        req->flags |= COAP2I_NOT_TEXT;
        return false;
    }
    return coap2i_is_word((const char *)req->payload, req->payload_length,
                          flash_text);
}

COAP2_DEF void coap2_rsp_bytes(coap2_rsp *rsp, uint16_t format,
                               const void *bytes, size_t length)
{
    rsp->format = format;
    coap2i_body(&rsp->w, bytes, length);
}

/* Append to the body from flash. */
static void coap2i_write_flash(coap2_writer *w, const char *flash_text)
{
#if COAP2_WITH_BLOCKS && defined(__AVR__)
    char c;
    while ((c = coap2i_flash_char(flash_text++)) != '\0')
        coap2_write_body(w, &c, 1);
#elif COAP2_WITH_BLOCKS
    coap2_write_body(w, flash_text, strlen(flash_text));
#else
    size_t length = 0;
    while (coap2i_flash_char(flash_text + length) != '\0') length++;
    coap2_write_payload(w, NULL, length);
    if (w->error == COAP2_OK)
        COAP2I_FLASH_COPY(w->next - length, flash_text, length);
#endif
}

COAP2_DEF void coap2_rsp_flash(coap2_rsp *rsp, const char *flash_text)
{
    rsp->format = COAP2_FORMAT_TEXT;
    coap2i_write_flash(&rsp->w, flash_text);
}

#if COAP2_WITH_BLOCKS

COAP2_DEF size_t coap2_rsp_window(coap2_rsp *rsp, uint32_t total, uint32_t *at)
{
    coap2_writer *w = &rsp->w;
    uint32_t left = 0;
    rsp->total = total;
    *at = w->window_at;
    if (total > w->window_at) left = total - w->window_at;
    w->body_length = w->window_at;
    return left < w->window_room ? (size_t)left : w->window_room;
}

#endif

COAP2_DEF void coap2_rsp_etag(coap2_rsp *rsp, const void *etag, size_t length)
{
    if (length > sizeof rsp->etag) length = sizeof rsp->etag;
    rsp->etag_length = (uint8_t)length;
    memcpy(rsp->etag, etag, length);
}

#if COAP2_WITH_FIELDS

static bool coap2i_is_writable(const coap2_field *fields, uint8_t count)
{
    uint8_t i;
    for (i = 0; i < count; i++)
        if (COAP2I_FLASH_BYTE(&fields[i].writable) != 0u) return true;
    return false;
}

/* The diagnostic: the name, and why. */
static void coap2i_say_fault(coap2_rsp *rsp, const coap2_field_fault *fault)
{
    if (fault->name != NULL) {
        coap2i_body(&rsp->w, fault->name, fault->name_length);
        coap2_rsp_text(rsp, ": ");
    }
    coap2_rsp_flash(rsp, fault->flash_why);
}

static uint8_t coap2i_write_bound(coap2_req *req, coap2_rsp *rsp,
                                  const coap2_field *fields, uint8_t count)
{
    void (*on_write)(coap2_req *) =
        COAP2I_FLASH_WORD(void (*)(coap2_req *), &req->resource->on_write);
    coap2_field_fault fault;
    uint16_t format = req->format;
    coap2_result result;
    if (!coap2i_is_writable(fields, count)) return COAP2_405_METHOD_NOT_ALLOWED;
    if (format == COAP2_NO_FORMAT) format = COAP2_FORMAT_TEXT;
    result = coap2_fields_read(fields, count, format, req->payload,
                               req->payload_length, &fault);
    if (result == COAP2_ERR_ARG) return COAP2_415_UNSUPPORTED_CONTENT_FORMAT;
    if (result != COAP2_OK) {
        coap2i_say_fault(rsp, &fault);
        return COAP2_400_BAD_REQUEST;
    }
    if (on_write != NULL) on_write(req);
    return COAP2_204_CHANGED;
}

COAP2_DEF uint8_t coap2_on_bound(coap2_req *req, coap2_rsp *rsp)
{
    const coap2_resource *row = req->resource;
    const coap2_field *fields =
        COAP2I_FLASH_WORD(const coap2_field *, &row->fields);
    uint8_t count = COAP2I_FLASH_BYTE(&row->field_count);
    uint16_t format = req->accept;
    if (req->method != COAP2_GET)
        return coap2i_write_bound(req, rsp, fields, count);
    if (format == COAP2_NO_FORMAT) format = COAP2_FORMAT_TEXT;
    rsp->format = format;
    if (coap2_fields_write(&rsp->w, fields, count, format) == COAP2_ERR_ARG)
        return COAP2_406_NOT_ACCEPTABLE;
    return COAP2_205_CONTENT;
}

#endif

#if COAP2_WITH_DISCOVERY

static const char coap2i_methods[] COAP2_FLASH =
    "GET\0POST\0PUT\0DELETE\0FETCH\0PATCH\0iPATCH";

/* The methods that a resource answers: a bound one that nobody may write is
   only read. */
static uint16_t coap2i_row_methods(const coap2_resource *row)
{
    uint16_t methods = COAP2I_FLASH_WORD(uint16_t, &row->methods);
#if COAP2_WITH_FIELDS
    if (COAP2I_FLASH_WORD(coap2_handler_fn, &row->handler) == coap2_on_bound &&
        !coap2i_is_writable(
            COAP2I_FLASH_WORD(const coap2_field *, &row->fields),
            COAP2I_FLASH_BYTE(&row->field_count)))
        methods &=
            (uint16_t) ~(unsigned)(COAP2_PUT | COAP2_PATCH | COAP2_IPATCH);
#endif
    return methods;
}

static void coap2i_write_flag(coap2_writer *w, const char *flash_name,
                              bool flag)
{
    coap2i_write_flash(w, flash_name);
    if (flag)
        coap2i_write_flash(w, COAP2_TEXT("true"));
    else
        coap2i_write_flash(w, COAP2_TEXT("false"));
}

/* Write a resource as a member of a JSON object. */
static void coap2i_write_json_row(coap2_writer *w, const coap2_resource *row)
{
    uint16_t methods = coap2i_row_methods(row), left;
    const char *method = coap2i_methods;
    coap2i_write_flash(w, COAP2_TEXT("\"/"));
    coap2i_write_flash(w, COAP2I_FLASH_WORD(const char *, &row->path));
    coap2i_write_flash(w, COAP2_TEXT("\":{\"methods\":["));
    for (left = methods & 127u; left != 0u; left = (uint16_t)(left >> 1)) {
        if ((left & 1u) != 0u) {
            coap2i_write_flash(w, COAP2_TEXT("\""));
            coap2i_write_flash(w, method);
            coap2i_write_flash(w, COAP2_TEXT("\""));
            if (left != 1u) coap2i_write_flash(w, COAP2_TEXT(","));
        }
        while (coap2i_flash_char(method) != '\0') method++;
        method++;
    }
    coap2i_write_flag(w, COAP2_TEXT("],\"observable\":"),
                      (methods & COAP2_OBSERVABLE) != 0u);
    coap2i_write_flag(w, COAP2_TEXT(",\"separate\":"),
                      (methods & COAP2_SEPARATE) != 0u);
    coap2i_write_flash(w, COAP2_TEXT("}"));
}

#endif

/* Is the list of resources wanted as JSON? */
static bool coap2i_core_is_json(const coap2_req *req)
{
#if COAP2_WITH_DISCOVERY
    return req->accept == COAP2_FORMAT_JSON;
#else
    (void)req;
    return false;
#endif
}

/* Write a resource behind what there is of the list: its link. */
static void coap2i_write_row(coap2_writer *w, const coap2_resource *row,
                             bool json)
{
    const char *attributes = COAP2I_FLASH_WORD(const char *, &row->attributes);
#if COAP2_WITH_DISCOVERY
    if (json) {
        coap2i_write_json_row(w, row);
        return;
    }
#else
    (void)json;
#endif
    coap2i_write_flash(w, COAP2_TEXT("</"));
    coap2i_write_flash(w, COAP2I_FLASH_WORD(const char *, &row->path));
    coap2i_write_flash(w, COAP2_TEXT(">"));
    if (coap2i_flash_char(attributes) == '\0') return;
    coap2i_write_flash(w, COAP2_TEXT(";"));
    coap2i_write_flash(w, attributes);
}

/* Compare a text in flash, up to where it stops, as a whole or member by
   member; steps to its end. What is not quoted stops at a semicolon, too. */
static bool coap2i_flash_matches(const char **text, char stop,
                                 const coap2i_pattern *pattern)
{
    const char *p = *text;
    const size_t unlike = (size_t)-1;
    size_t same = 0;
    bool member = false;
    char c;
    while ((c = coap2i_flash_char(p)) != '\0' && c != stop &&
           (c != ';' || stop == '"')) {
        p++;
        if (c == '\\' && (c = coap2i_flash_char(p)) != '\0') p++;
        if (pattern->list && c == ' ') {
            member = member || same == pattern->length;
            same = 0;
        } else if (same < pattern->length) {
            same = c == pattern->text[same] ? same + 1u : unlike;
        } else if (!pattern->prefix) {
            same = unlike;
        }
    }
    *text = p;
    return member || same == pattern->length;
}

/* Does a row match a filter (RFC 6690 4.1)? As coap2_link_matches, but in
   flash, and on text that is trusted. */
static bool coap2i_row_matches(const char *path, const char *attributes,
                               const char *query, size_t length)
{
    const char *text = attributes;
    coap2i_pattern name, pattern;
    if (length == 0u) return true;
    memset(&name, 0, sizeof name);
    name.text = query;
    name.length = coap2i_read_pattern(&pattern, query, length);
    if (coap2i_is_word(query, name.length, COAP2_TEXT("href"))) {
        if (pattern.length == 0u) return pattern.prefix;
        if (*pattern.text++ != '/') return false;
        pattern.length--;
        text = path;
        return coap2i_flash_matches(&text, '"', &pattern);
    }
    while (coap2i_flash_char(text) != '\0') {
        bool named = coap2i_flash_matches(&text, '=', &name);
        char stop = ';';
        if (coap2i_flash_char(text) == '=' &&
            coap2i_flash_char(++text) == '"') {
            stop = '"';
            text++;
        }
        if (coap2i_flash_matches(&text, stop, &pattern) && named) return true;
        while (coap2i_flash_char(text) == stop ||
               coap2i_flash_char(text) == ';')
            text++;
    }
    return false;
}

/* Is this row listed? What is below a star is not one resource. */
static bool coap2i_is_listed(const coap2_resource *row)
{
    return !coap2i_has_star(row) &&
           (COAP2I_FLASH_WORD(uint16_t, &row->methods) & COAP2_HIDDEN) == 0u;
}

/* Does it match all filters of a request? */
static bool coap2i_is_asked_for(const coap2_req *req, const coap2_resource *row)
{
    coap2_opt opt;
    coap2i_rewind(&opt, req->msg);
    while (coap2_opt_next(&opt))
        if (opt.number == COAP2_OPT_URI_QUERY &&
            !coap2i_row_matches(
                COAP2I_FLASH_WORD(const char *, &row->path),
                COAP2I_FLASH_WORD(const char *, &row->attributes),
                (const char *)opt.value, opt.length))
            return false;
    return true;
}

#if COAP2_WITH_BLOCKS

/* What may stand in an answer beside its header and body: ETag, Observe,
   Content-Format, Max-Age, Block2, Size2 and the payload marker; and the two of
   a subscription. */
enum { COAP2I_ANSWER_OPTIONS = 30, COAP2I_SUBSCRIPTION_OPTIONS = 8 };

/* The largest size of a block of at most szx that this answer has room for. */
static uint8_t coap2i_answer_szx(const coap2_req *req, const coap2_rsp *rsp,
                                 uint8_t szx)
{
    size_t used = (size_t)(rsp->w.next - rsp->w.start) - rsp->w.payload_size;
    size_t packet = req->node->packet;
    used += COAP2I_ANSWER_OPTIONS;
    if ((req->flags & COAP2I_SUBSCRIBES_BY) != 0u)
        used += COAP2I_SUBSCRIPTION_OPTIONS;
    return coap2i_fit_szx(packet > used ? packet - used : 0u, szx);
}

/* Is the first block cut when the answer is complete? A rule looks at all that
   the packet can hold. */
static bool coap2i_cuts_later(const coap2_req *req)
{
    return (req->flags & COAP2I_HAS_BLOCK2) == 0u ||
           ((req->flags & COAP2I_OBSERVES) != 0u && req->block2.number == 0u);
}

/* Open the window for the block that is asked for, never a larger one (RFC 7959
   2.4); else for all that the packet can hold. */
static void coap2i_open_window(coap2_req *req, coap2_rsp *rsp)
{
    coap2_writer *w = &rsp->w;
    coap2_block *block = &req->block2;
    if (coap2i_cuts_later(req)) {
        if (w->next != w->end)
            coap2_write_window(w, 0, (size_t)(w->end - w->next) - 1u);
        return;
    }
    if (coap2_block_set(block, coap2i_block_at(block),
                        coap2i_answer_szx(req, rsp, block->szx),
                        false) != COAP2_OK) {
        coap2_write_window(w, UINT32_MAX, 0); /* a place without a number */
        return;
    }
    coap2_write_window(w, coap2i_block_at(block),
                       coap2i_block_size(block->szx));
}

#endif

#if COAP2_WITH_DISCOVERY

/* What a search looks for, if this is one. Its first option counts (5.4.5), and
   one that is too long is none (5.4.3). */
static bool coap2i_read_search(const coap2_msg *msg, coap2_opt *search)
{
    return coap2_msg_find(msg, COAP2_OPT_DISCOVERY, search) &&
           search->length <= 255u;
}

/* Is a row among those that a search asks for? */
static bool coap2i_is_looked_at(const coap2_opt *search,
                                const coap2_resource *row)
{
    const char *what = (const char *)search->value;
    coap2i_path path;
    if (coap2i_search_kind(what, search->length) != COAP2I_LISTED) return true;
    path.text = COAP2I_FLASH_WORD(const char *, &row->path);
    path.length = 0;
    path.in_flash = true;
    while (coap2i_flash_char(path.text + path.length) != '\0') path.length++;
    return coap2i_list_has(what, search->length, &path);
}

/* Does a search look for this node? */
static bool coap2i_is_looked_for(const coap2_req *req, const coap2_opt *search)
{
    const coap2_resource *const *rows = req->node->resources, *row;
    const char *what = (const char *)search->value, *name = req->node->name;
    uint8_t kind = coap2i_search_kind(what, search->length);
    if (kind == COAP2I_EVERYBODY) return true;
    if (kind == COAP2I_NAMED)
        return name != NULL &&
               coap2i_same_name(what, search->length, name, strlen(name));
    while (rows != NULL &&
           (row = COAP2I_FLASH_WORD(const coap2_resource *, rows++)) != NULL)
        if (coap2i_is_listed(row) && coap2i_is_looked_at(search, row))
            return true;
    return false;
}

/* A node that is found says its name; the body has the room behind it. */
static void coap2i_say_name(coap2_req *req, coap2_rsp *rsp)
{
    const char *name = req->node->name;
    size_t length = name != NULL ? strlen(name) : 0u;
    coap2_write_opt(&rsp->w, COAP2_OPT_DISCOVERY, name,
                    length < 255u ? length : 255u);
#if COAP2_WITH_BLOCKS
    coap2i_open_window(req, rsp);
#endif
}

#endif

static bool coap2i_has_query(const coap2_req *req)
{
    coap2_opt query;
    return coap2_msg_find(req->msg, COAP2_OPT_URI_QUERY, &query);
}

/* GET /.well-known/core (7.2, RFC 6690 4), which a search asks for, too. */
static uint8_t coap2i_on_core(coap2_req *req, coap2_rsp *rsp)
{
    const coap2_resource *const *rows = req->node->resources, *row;
    bool json = coap2i_core_is_json(req), empty = true, searched = false;
#if COAP2_WITH_DISCOVERY
    coap2_opt search;
    searched = coap2i_read_search(req->msg, &search);
    if (searched) {
        if (!coap2i_is_looked_for(req, &search)) {
            if (req->peer->group) req->silent |= 8u;
            return COAP2_404_NOT_FOUND;
        }
        coap2i_say_name(req, rsp);
    }
#endif
    rsp->format = json ? COAP2_FORMAT_JSON : COAP2_FORMAT_LINKS;
    if (json) coap2i_write_flash(&rsp->w, COAP2_TEXT("{"));
    while (rows != NULL &&
           (row = COAP2I_FLASH_WORD(const coap2_resource *, rows++)) != NULL) {
        if (!coap2i_is_listed(row)) continue;
#if COAP2_WITH_DISCOVERY
        if (searched && !coap2i_is_looked_at(&search, row)) continue;
#endif
        if (!coap2i_is_asked_for(req, row)) continue;
        if (!empty) coap2i_write_flash(&rsp->w, COAP2_TEXT(","));
        coap2i_write_row(&rsp->w, row, json);
        empty = false;
    }
    if (json) coap2i_write_flash(&rsp->w, COAP2_TEXT("}"));
    /* silence to a group where a filter leaves nothing (RFC 6690 4.1) */
    if (empty && req->peer->group && (!searched || coap2i_has_query(req)))
        req->silent |= 2u;
    return COAP2_205_CONTENT;
}

static const char coap2i_core_path[] COAP2_FLASH = ".well-known/core";
static const coap2_resource coap2i_core COAP2_FLASH = {
    coap2i_core_path, coap2i_core_path, coap2i_on_core,
    COAP2I_NO_FIELDS(COAP2_GET | COAP2_HIDDEN)};

/* The row for a request; NULL if there is none. */
static const coap2_resource *coap2i_find_row(const coap2_req *req)
{
    const coap2_resource *const *rows = req->node->resources, *row;
    while (rows != NULL &&
           (row = COAP2I_FLASH_WORD(const coap2_resource *, rows++)) != NULL)
        if (coap2_msg_path_equals(req->msg,
                                  COAP2I_FLASH_WORD(const char *, &row->path)))
            return row;
    return coap2_msg_path_equals(req->msg, coap2i_core_path) ? &coap2i_core
                                                             : NULL;
}

#if COAP2_WITH_BLOCKS

static size_t coap2i_uint_length(uint32_t number)
{
    size_t length = 0;
    for (; number != 0u; number >>= 8) length++;
    return length;
}

/* What the options of an answer will take that is sent whole. */
static size_t coap2i_options_length(const coap2_rsp *rsp)
{
    size_t length = rsp->etag_length;
    if (length != 0u) length++;
#if COAP2_WITH_OBSERVE
    if (rsp->observed) length += 1u + coap2i_uint_length(rsp->sequence);
#endif
    if (rsp->format != COAP2_NO_FORMAT)
        length += 1u + coap2i_uint_length(rsp->format);
    if (rsp->max_age != 60u) {
        if (length == 0u) length = 1; /* a delta of 14 takes a byte more */
        length += 1u + coap2i_uint_length(rsp->max_age);
    }
#if COAP2I_SUBSCRIBES
    if (rsp->subscription != 0u)
        length += 3u + coap2i_uint_length(rsp->subscription);
    if (rsp->marked) length++;
#endif
    return length;
}

/* Keep the first block only of what the packet holds, where it was asked for,
   is not all, or leaves no room for the options. False if the answer stays
   whole. */
static bool coap2i_cut_first(const coap2_req *req, coap2_rsp *rsp,
                             coap2_block *block)
{
    coap2_writer *w = &rsp->w;
    bool asked = (req->flags & COAP2I_HAS_BLOCK2) != 0u;
    size_t most;
    if (!asked && !coap2_write_more(w) &&
        coap2i_options_length(rsp) <= (size_t)(w->end - w->next))
        return false;
    block->szx = coap2i_answer_szx(req, rsp, asked ? block->szx : (uint8_t)6);
    most = 1u + coap2i_block_size(block->szx);
    if (w->payload_size <= most) return asked || coap2_write_more(w);
    w->next -= w->payload_size - most;
    w->payload_size = most;
    return true;
}

/* Say which block of the body an answer is. */
static uint8_t coap2i_cut_answer(const coap2_req *req, coap2_rsp *rsp,
                                 uint8_t code)
{
    coap2_writer *w = &rsp->w;
    coap2_block block = req->block2;
    if (w->error != COAP2_OK) return code;
    if (rsp->total != 0u) w->body_length = rsp->total;
    if (coap2i_cuts_later(req) && !coap2i_cut_first(req, rsp, &block))
        return code;
    if (w->window_at != 0u && w->window_at >= w->body_length) {
        coap2i_reopen_answer(req->node, rsp);
        return COAP2_400_BAD_REQUEST;
    }
    block.more = coap2_write_more(w);
    coap2_write_block(w, COAP2_OPT_BLOCK2, &block);
    if ((block.number == 0u && block.more) ||
        (req->flags & COAP2I_WANTS_SIZE) != 0u)
        coap2_write_uint(w, COAP2_OPT_SIZE2, w->body_length);
    return code;
}

/* May the handler not be run again for the next block of its answer? */
static bool coap2i_runs_once(const coap2_req *req)
{
    return !coap2i_is_safe(req) || (req->flags & COAP2I_HAS_BLOCK1) != 0u;
}

/* How long a body may be that is put together here. */
COAP2I_RARE size_t coap2i_share(const coap2_node *node)
{
#if COAP2_MAX_UPLOADS > 0
    if (node->bodies != NULL) return node->bodies_size / COAP2_MAX_UPLOADS;
#else
    (void)node;
#endif
    return 0;
}

static uint8_t coap2i_too_large(const coap2_req *req, coap2_rsp *rsp)
{
    size_t most = coap2i_share(req->node);
    if (most == 0u) most = req->payload_length;
    coap2_write_uint(&rsp->w, COAP2_OPT_SIZE1, (uint32_t)most);
    return COAP2_413_REQUEST_ENTITY_TOO_LARGE;
}

#if COAP2_MAX_UPLOADS > 0

static uint8_t *coap2i_place(const coap2_node *node, const coap2_upload *u)
{
    return node->bodies + (size_t)(u - node->uploads) * coap2i_share(node);
}

/* What tells one body that arrives from another of the same peer: its method
   and the options that a cache would look at, Request-Tag among them (RFC 7959
   2.5, RFC 9175 3.4). */
static uint32_t coap2i_body_key(const coap2_msg *msg, bool tagged)
{
    coap2_opt opt;
    uint32_t key = coap2i_mix(COAP2I_HASH_START, msg->code);
    size_t i;
    coap2i_rewind(&opt, msg);
    while (coap2_opt_next(&opt)) {
        if (opt.number == COAP2_OPT_BLOCK1 || opt.number == COAP2_OPT_BLOCK2 ||
            opt.number == COAP2_OPT_CONTENT_FORMAT ||
            (opt.number == COAP2_OPT_REQUEST_TAG && !tagged) ||
            COAP2_OPT_IS_NO_CACHE_KEY(opt.number))
            continue;
        key = coap2i_mix(key, (uint8_t)opt.number);
        key = coap2i_mix(key, (uint8_t)opt.length);
        for (i = 0; i < opt.length; i++) key = coap2i_mix(key, opt.value[i]);
    }
    return key;
}

/* The body that arrives, or the answer that is kept, under a key. */
static coap2_upload *coap2i_find_upload(const coap2_req *req, uint32_t key,
                                        bool answer)
{
    coap2_upload *u = req->node->uploads;
    for (; u != req->node->uploads + COAP2_MAX_UPLOADS; u++)
        if (u->length != 0u && u->key == key && (u->code != 0u) == answer &&
            coap2_peer_equals(&u->peer, req->peer))
            return u;
    return NULL;
}

/* A place that is free; else that of an answer, or also of a body, which has
   not moved for long; or NULL. */
static coap2_upload *coap2i_find_place(coap2_node *node, bool bodies)
{
    coap2_upload *u = node->uploads, *place = NULL;
    uint32_t idle, longest = (uint32_t)COAP2_BLOCK_IDLE * 1000u;
    for (; u != node->uploads + COAP2_MAX_UPLOADS; u++) {
        idle = node->time - u->touched;
        if (u->length == 0u) idle = COAP2_FOREVER;
        if (u->length != 0u && u->code == 0u && !bodies) idle = 0;
        if (idle <= longest) continue;
        longest = idle;
        place = u;
    }
    return place;
}

/* Make a place for a body whose first block this is. COAP2_OK, or a code. */
static uint8_t coap2i_begin_upload(const coap2_req *req, coap2_rsp *rsp,
                                   coap2_upload *u, uint32_t key, bool pieces)
{
    coap2_opt size1;
    uint32_t announced = 0;
    if (coap2_msg_find(req->msg, COAP2_OPT_SIZE1, &size1))
        (void)coap2_opt_uint(&size1, &announced);
    if (!pieces && (announced > coap2i_share(req->node) ||
                    req->payload_length > coap2i_share(req->node)))
        return coap2i_too_large(req, rsp);
    if (u == NULL) {
        rsp->max_age = COAP2_BLOCK_IDLE;
        return COAP2_503_SERVICE_UNAVAILABLE;
    }
    u->peer = *req->peer;
    u->key = key;
    u->length = 0;
    u->code = 0;
    u->format = req->format;
    return COAP2_OK;
}

/* Add a block to a body. COAP2_OK: the handler's turn; else a code. */
static uint8_t coap2i_upload(coap2_req *req, coap2_rsp *rsp, bool pieces)
{
    size_t share = coap2i_share(req->node), length = req->payload_length;
    uint32_t at = coap2i_block_at(&req->block1);
    uint32_t key = coap2i_body_key(req->msg, true);
    coap2_upload *u = coap2i_find_upload(req, key, false);
    uint8_t *body, code = COAP2_OK;
    if (at == 0u) {
        if (u == NULL) u = coap2i_find_place(req->node, true);
        code = coap2i_begin_upload(req, rsp, u, key, pieces);
    } else if (u == NULL) {
        return COAP2_408_REQUEST_ENTITY_INCOMPLETE;
    } else if (u->length == at + length && req->block1.more) {
        return COAP2_231_CONTINUE; /* the last one again (2.5) */
    } else if (u->length != at || u->format != req->format) {
        code = COAP2_408_REQUEST_ENTITY_INCOMPLETE;
    } else if (!pieces && length > share - at) {
        code = coap2i_too_large(req, rsp);
    }
    if (code != COAP2_OK) {
        if (u != NULL) u->length = 0;
        return code;
    }
    u->touched = req->node->time;
    u->length = at + (uint32_t)length;
    if (pieces) {
        req->offset = at;
        req->last = !req->block1.more;
        if (req->last) u->length = 0;
        return COAP2_OK;
    }
    body = coap2i_place(req->node, u);
    memcpy(body + at, req->payload, length);
    if (req->block1.more) return COAP2_231_CONTINUE;
    req->payload = body;
    req->payload_length = (size_t)u->length;
    req->flags |= COAP2I_HAS_BODY;
    return COAP2_OK;
}

/* A body was handled, or a piece of it refused: its place is free. */
static void coap2i_end_upload(const coap2_req *req)
{
    coap2_upload *u =
        coap2i_find_upload(req, coap2i_body_key(req->msg, true), false);
    if (u != NULL) u->length = 0;
}

#endif /* COAP2_MAX_UPLOADS */

/* A request with Block1. COAP2_OK: the handler's turn; else a code. */
static uint8_t coap2i_take_body(coap2_req *req, coap2_rsp *rsp, bool pieces)
{
    size_t size = coap2i_block_size(req->block1.szx);
    if (req->payload_length > size ||
        (req->block1.more && req->payload_length != size))
        return COAP2_400_BAD_REQUEST;
#if COAP2_MAX_UPLOADS > 0
    if (req->block1.number == 0u) coap2i_end_upload(req);
#endif
    if (req->block1.number == 0u && !req->block1.more) return COAP2_OK;
#if COAP2_MAX_UPLOADS > 0
    return coap2i_upload(req, rsp, pieces);
#else
    (void)pieces;
    return coap2i_too_large(req, rsp);
#endif
}

#if COAP2_MAX_UPLOADS > 0

/* Write the block that is asked for of an answer that was kept; the first has
   its options. */
static void coap2i_write_kept(coap2_req *req, coap2_rsp *rsp, coap2_upload *u)
{
    const uint8_t *place = coap2i_place(req->node, u);
    uint32_t at;
    size_t size;
    u->touched = req->node->time;
    if ((req->flags & COAP2I_HAS_BLOCK2) == 0u) req->block2.szx = 6;
    req->flags |= COAP2I_HAS_BLOCK2;
    req->kept = true;
    if (req->block2.number == 0u) {
        coap2i_put_bytes(&rsp->w, place, u->options);
        rsp->w.last = u->last;
    }
    coap2i_open_window(req, rsp);
    size = coap2_rsp_window(rsp, u->length, &at);
    rsp->format = u->format;
    rsp->max_age = u->max_age;
    if (size != 0u)
        coap2_write_body(&rsp->w, place + u->options + 1u + at, size);
}

/* Does an answer fit the packet, and what the client can take? Block1 takes 5
   bytes at most. */
static bool coap2i_stays_whole(const coap2_req *req, const coap2_rsp *rsp,
                               size_t length, size_t payload_size)
{
    if ((req->flags & COAP2I_HAS_BLOCK2) != 0u &&
        payload_size > 1u + coap2i_block_size(req->block2.szx))
        return false;
    if ((req->flags & COAP2I_HAS_BLOCK1) != 0u) length += 5u;
    return length + coap2i_options_length(rsp) <= req->node->packet;
}

/* Run a handler that may answer more than a packet: it writes into a free
   place. What does not fit is kept there (RFC 7959 2.7). */
static uint8_t coap2i_run_aside(coap2_req *req, coap2_rsp *rsp,
                                coap2_handler_fn handler)
{
    coap2_node *node = req->node;
    coap2_writer *w = &rsp->w, aside;
    uint32_t key = coap2i_body_key(req->msg, false);
    coap2_upload *u = coap2i_find_upload(req, key, true);
    size_t header = (size_t)(w->options - w->start), share, length;
    uint8_t code, *slot = w->start, *place;
    share = coap2i_share(node);
    if (u == NULL) u = coap2i_find_place(node, false);
    if (u == NULL || share <= node->packet) return handler(req, rsp);
    place = coap2i_place(node, u);
    u->length = 0;
    coap2_write_start(w, place, share);
    coap2i_put_bytes(w, slot, header);
    w->options = w->next;
    code = handler(req, rsp);
    aside = *w;
    length = coap2_write_end(w);
    coap2_write_start(w, slot, node->packet);
    w->options = w->next = slot + header;
    w->error = aside.error;
    /* nothing of it is sent where more of the body is to come */
    if (length == 0u || (!req->last && COAP2_CODE_CLASS(code) == 2u))
        return code;
    if (coap2i_stays_whole(req, rsp, length, aside.payload_size)) {
        w->last = aside.last;
        w->payload_size = aside.payload_size;
        memcpy(slot + header, place + header, length - header);
        w->next = slot + length;
        return code;
    }
    if (aside.payload_size == 0u) { /* no block can take its options */
        coap2i_fail(w, COAP2_ERR_SPACE);
        return code;
    }
    length -= header;
    memmove(place, place + header, length);
    u->length = (uint32_t)aside.payload_size - 1u;
    u->options = length - aside.payload_size;
    u->last = aside.last;
    u->peer = *req->peer;
    u->key = key;
    u->id = req->msg->id;
    u->format = rsp->format;
    u->max_age = rsp->max_age;
    u->code = code;
    rsp->etag_length = 0;
    coap2i_write_kept(req, rsp, u);
    if (w->error != COAP2_OK) u->length = 0; /* it is 5.00 */
    return code;
}

#else

static uint8_t coap2i_run_aside(coap2_req *req, coap2_rsp *rsp,
                                coap2_handler_fn handler)
{
    return handler(req, rsp);
}

#endif /* COAP2_MAX_UPLOADS */

#endif /* COAP2_WITH_BLOCKS */

#if COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS

/* Is the answer to this very request kept? */
static bool coap2i_is_kept(const coap2_node *node, const coap2_peer *from,
                           const coap2_msg *msg)
{
    const coap2_upload *u = node->uploads;
    for (; u != node->uploads + COAP2_MAX_UPLOADS; u++)
        if (u->length != 0u && u->code != 0u && u->id == msg->id &&
            coap2_peer_equals(&u->peer, from) &&
            u->key == coap2i_body_key(msg, false))
            return true;
    return false;
}

/* Is it to be answered from what is kept: the next block, or all again? */
static bool coap2i_goes_on(const coap2_req *req)
{
    if (req->method == COAP2_GET) return false;
    if (req->block2.number == 0u)
        return coap2i_is_kept(req->node, req->peer, req->msg);
    return !coap2i_is_safe(req) || req->payload_length == 0u;
}

/* The next block of an answer that was kept. COAP2_OK: there is none. */
static uint8_t coap2i_go_on(coap2_req *req, coap2_rsp *rsp)
{
    coap2_upload *u =
        coap2i_find_upload(req, coap2i_body_key(req->msg, false), true);
    if (u != NULL) {
        coap2i_write_kept(req, rsp, u);
        return u->code;
    }
    if (coap2i_is_safe(req) || req->block2.number == 0u) return COAP2_OK;
    return COAP2_408_REQUEST_ENTITY_INCOMPLETE;
}

#endif

/* Hold the request's conditions against the resource as it is, by running its
   GET. COAP2_OK if they hold, else a code. */
COAP2I_RARE uint8_t coap2i_check_conditions(coap2_req *req, coap2_rsp *rsp,
                                            coap2_handler_fn get)
{
    coap2_req look = *req;
    uint8_t code = COAP2_205_CONTENT, fails = COAP2I_HAS_IF_MATCH;
    look.method = COAP2_GET;
    look.again = true;
    look.payload_length = 0;
    look.format = look.accept = COAP2_NO_FORMAT;
#if COAP2_WITH_BLOCKS
    look.flags = 0;
    coap2i_open_window(&look, rsp);
#endif
    if (get != NULL) code = get(&look, rsp);
    if ((look.flags & COAP2I_IS_LATE) != 0u) code = COAP2_205_CONTENT;
    if (COAP2_CODE_CLASS(code) == 5u) return code;
    if (COAP2_CODE_CLASS(code) == 2u) {
        if (coap2i_names_state(req, rsp, COAP2_OPT_IF_MATCH)) fails = 0;
        fails |= COAP2I_HAS_IF_NONE_MATCH;
    }
    coap2i_reopen_answer(req->node, rsp);
    if ((req->flags & fails) != 0u) return COAP2_412_PRECONDITION_FAILED;
    return COAP2_OK;
}

/* Run a resource's handler. */
static uint8_t coap2i_run_handler(coap2_req *req, coap2_rsp *rsp,
                                  coap2_handler_fn handler)
{
    uint8_t code;
#if COAP2_WITH_BLOCKS
    if (coap2i_runs_once(req)) {
        code = coap2i_run_aside(req, rsp, handler);
    } else {
        coap2i_open_window(req, rsp);
        code = handler(req, rsp);
    }
#else
    code = handler(req, rsp);
#endif
    if (code == COAP2_400_BAD_REQUEST && (req->flags & COAP2I_NOT_TEXT) != 0u)
        code = COAP2_415_UNSUPPORTED_CONTENT_FORMAT;
    return code;
}

#if COAP2I_SUBSCRIBES

/* End a subscription by its id, if that is what a request wants. COAP2_OK: it
   is not. */
static uint8_t coap2i_unsubscribe(coap2_req *req)
{
    coap2_observer *o = req->node->observers;
    coap2_opt opt;
    uint32_t id = 0;
    if (req->method != COAP2_GET || req->peer->group ||
        !coap2_msg_find(req->msg, COAP2_OPT_NOTIFICATION, &opt) ||
        !coap2_opt_uint(&opt, &id) || id == 0u)
        return COAP2_OK;
    if ((req->flags & COAP2I_OBSERVES) != 0u) return COAP2_400_BAD_REQUEST;
    req->flags &= (uint16_t) ~(unsigned)COAP2I_OBSERVES_NO_MORE;
    for (; o != req->node->observers + COAP2_MAX_OBSERVERS; o++) {
        if (o->flags == 0u || o->subscription != id ||
            !coap2_peer_equals(&o->peer, req->peer))
            continue;
        o->flags = 0;
        return COAP2_202_DELETED;
    }
    return COAP2_404_NOT_FOUND;
}

#endif

/* Find the resource, and run its handler. */
static uint8_t coap2i_dispatch(coap2_req *req, coap2_rsp *rsp)
{
    coap2_handler_fn handler;
    uint16_t methods;
    uint8_t code;
    bool first = true;
    if ((req->flags & COAP2I_BAD_OPTION) != 0u) return COAP2_402_BAD_OPTION;
    if ((req->flags & COAP2I_BAD_BLOCK) != 0u) return COAP2_400_BAD_REQUEST;
    if ((req->flags & COAP2I_TO_PROXY) != 0u)
        return COAP2_505_PROXYING_NOT_SUPPORTED;
    if (req->method == 0u) return COAP2_405_METHOD_NOT_ALLOWED;
#if COAP2I_SUBSCRIBES
    if ((req->flags & COAP2I_SUBSCRIBES_BY) != 0u) {
        code = coap2i_unsubscribe(req);
        if (code != COAP2_OK) return code;
    }
#endif
    req->resource = coap2i_find_row(req);
    if (req->resource == NULL) return COAP2_404_NOT_FOUND;
    handler = COAP2I_FLASH_WORD(coap2_handler_fn, &req->resource->handler);
    methods = COAP2I_FLASH_WORD(uint16_t, &req->resource->methods);
    if ((methods & req->method) == 0u) return COAP2_405_METHOD_NOT_ALLOWED;
#if COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS
    if (coap2i_goes_on(req)) {
        code = coap2i_go_on(req, rsp);
        if (code != COAP2_OK) return code;
    }
#endif
#if COAP2_WITH_BLOCKS
    if ((req->flags & COAP2I_HAS_BLOCK1) != 0u) {
        code = coap2i_take_body(req, rsp, (methods & COAP2_PIECES) != 0u);
        if (code != COAP2_OK) return code;
    }
    first = req->offset == 0u;
#endif
    if (first &&
        (req->flags & (COAP2I_HAS_IF_MATCH | COAP2I_HAS_IF_NONE_MATCH)) != 0u) {
        code = coap2i_check_conditions(
            req, rsp, (methods & COAP2_GET) != 0u ? handler : NULL);
        if (code != COAP2_OK) return code;
    }
    code = coap2i_run_handler(req, rsp, handler);
#if COAP2_WITH_BLOCKS
    if (!req->last && COAP2_CODE_CLASS(code) == 2u) {
        coap2i_reopen_answer(req->node, rsp);
        return COAP2_231_CONTINUE;
    }
#if COAP2_MAX_UPLOADS > 0
    if ((req->flags & COAP2I_HAS_BODY) != 0u) coap2i_end_upload(req);
#endif
#endif
#if COAP2_WITH_OBSERVE
    if (COAP2_CODE_CLASS(code) == 2u && !coap2i_is_safe(req))
        coap2_changed(req->node, req->resource);
#endif
    return code;
}

/* What the client asked for may be another answer than the handler's: that its
   copy is still valid, or that there is none in the format it wants. */
static uint8_t coap2i_negotiate(const coap2_req *req, coap2_rsp *rsp,
                                uint8_t code)
{
    coap2_writer *w = &rsp->w;
    if (code != COAP2_205_CONTENT || !coap2i_is_safe(req)) return code;
    if ((req->flags & COAP2I_HAS_ACCEPT) != 0u && rsp->format != req->accept) {
        coap2i_reopen_answer(req->node, rsp);
        return COAP2_406_NOT_ACCEPTABLE;
    }
    if ((req->flags & COAP2I_HAS_ETAG) == 0u || w->error != COAP2_OK ||
        !coap2i_names_state(req, rsp, COAP2_OPT_ETAG))
        return code;
    w->next -= w->payload_size;
    w->payload_size = 0;
    rsp->format = COAP2_NO_FORMAT;
    return COAP2_203_VALID;
}

#endif /* COAP2_WITH_SERVER */

/* ---- >>server: a request comes in, an answer goes out ----------------------
   Joins the two rooms above: which messages are handled, and when their
   answers leave. */

#if COAP2_WITH_SERVER

/* Is an answer of this code wanted (RFC 7967 2)? A group hears no errors. */
static bool coap2i_is_wanted(uint8_t code, uint8_t silent)
{
    return ((uint8_t)(silent * 2u) >> COAP2_CODE_CLASS(code) & 1) == 0;
}

#if COAP2_FLOOD_LIMIT

/* The count of a client; else a free one, else the one that began first. */
static coap2_visitor *coap2i_find_visitor(coap2_node *node,
                                          const coap2_peer *from)
{
    coap2_visitor *v = node->visitors, *place = v;
    for (; v != node->visitors + COAP2_MAX_DUPLICATES; v++) {
        if (v->requests != 0u && coap2_peer_equals(&v->peer, from)) return v;
        if (place->requests != 0u &&
            (v->requests == 0u || (int32_t)(v->since - place->since) < 0))
            place = v;
    }
    place->requests = 0;
    return place;
}

/* Count a request. False if the client has had its share of this second. */
static bool coap2i_admit(coap2_node *node, const coap2_peer *from)
{
    coap2_visitor *v = coap2i_find_visitor(node, from);
    if (v->requests == 0u || node->time - v->since >= 1000u) {
        v->peer = *from;
        v->since = node->time;
        v->requests = 0;
    }
    if (v->requests == COAP2_FLOOD_LIMIT) return false;
    v->requests++;
    return true;
}

#endif

#if COAP2_REPLY_LIMIT > 0

enum { COAP2I_ECHO_SIZE = 6 };

/* What proves an address: its cipher under a key that nobody knows, chained
   over its bytes, for the 65 seconds that this time is in and the next (RFC
   9175 2.4). */
static void coap2i_prove(const coap2_node *node, const coap2_peer *peer,
                         uint32_t time, uint8_t proof[COAP2I_ECHO_SIZE])
{
    uint32_t block[2], i;
    block[0] = ~(time >> 16);
    block[1] = (uint32_t)peer->kind << 16 | peer->port;
    coap2i_encrypt(node->key, block);
    for (i = 0; i < sizeof peer->address; i++) {
        block[i / 4u % 2u] ^= (uint32_t)peer->address[i] << i % 4u * 8u;
        if (i % 8u == 7u || i + 1u == sizeof peer->address)
            coap2i_encrypt(node->key, block);
    }
    memcpy(proof, block, COAP2I_ECHO_SIZE);
}

static bool coap2i_is_proven(const coap2_node *node, const coap2_peer *peer,
                             const coap2_msg *msg)
{
    uint8_t proof[COAP2I_ECHO_SIZE], age;
    coap2_opt echo;
    if (!coap2_msg_find(msg, COAP2_OPT_ECHO, &echo) ||
        echo.length != sizeof proof)
        return false;
    for (age = 0; age < 2u; age++) {
        coap2i_prove(node, peer, node->time - age * 65536u, proof);
        if (memcmp(echo.value, proof, sizeof proof) == 0) return true;
    }
    return false;
}

/* How long an answer may be: what a peer's address has not been shown to be
   its own for is bounded by the size of the request. */
static uint16_t coap2i_answer_limit(const coap2_req *req)
{
    const coap2_msg *msg = req->msg;
    size_t asked = (size_t)(msg->options.end - msg->token) + 4u;
    if (asked > 65535u / COAP2_REPLY_LIMIT ||
        coap2i_is_proven(req->node, req->peer, msg))
        return 65535;
    return (uint16_t)(asked * COAP2_REPLY_LIMIT);
}

/* Instead of an answer beyond its limit the client is asked to show that it is
   where it says; or, where the handler has done something already, it gets the
   code alone. */
static void coap2i_limit_answer(const coap2_node *node, const coap2_peer *peer,
                                coap2_rsp *rsp, uint16_t limit, bool safe)
{
    uint8_t proof[COAP2I_ECHO_SIZE], code = rsp->w.start[1];
    if (coap2_write_end(&rsp->w) <= limit) return;
    coap2i_reopen_answer(node, rsp);
    rsp->w.start[1] = code;
    if (!safe) return;
    rsp->w.start[1] = COAP2_401_UNAUTHORIZED;
    coap2i_prove(node, peer, node->time, proof);
    coap2_write_opt(&rsp->w, COAP2_OPT_ECHO, proof, sizeof proof);
}

#endif

#if COAP2_WITH_OBSERVE

#if COAP2I_SUBSCRIBES

/* What a request wants to be told. */
typedef struct coap2i_wish {
    bool ruled; /* a rule says what */
    bool by_id; /* and it gets an id */
    bool con;   /* confirmable whatever the request was */
    uint8_t rule[COAP2_RULE_SIZE];
} coap2i_wish;

/* The fields of a bound resource; NULL for one with a handler of its own. */
static const coap2_field *coap2i_row_fields(const coap2_resource *row,
                                            uint8_t *count)
{
    *count = COAP2I_FLASH_BYTE(&row->field_count);
    if (COAP2I_FLASH_WORD(coap2_handler_fn, &row->handler) != coap2_on_bound)
        return NULL;
    return COAP2I_FLASH_WORD(const coap2_field *, &row->fields);
}

/* Conditions are about a resource's own value: does this one have any? */
static bool coap2i_has_value(const coap2_payload *shown)
{
    coap2_ref own;
    coap2_value value;
    memset(&own, 0, sizeof own);
    memset(&value, 0, sizeof value);
    own.name = "";
    coap2_look_payload(shown, own, &value);
    return value.kind != COAP2_VALUE_MISSING;
}

/* Refuse a condition in the query: `c.pmin: why`. */
static uint8_t coap2i_refuse_condition(const coap2_req *req, coap2_rsp *rsp,
                                       const coap2i_conditions *conditions)
{
    coap2i_reopen_answer(req->node, rsp);
    coap2i_body(&rsp->w, conditions->name, conditions->name_length);
    coap2i_write_flash(&rsp->w, COAP2_TEXT(": "));
    coap2i_write_flash(&rsp->w, conditions->rule.fault->flash_why);
    return COAP2_400_BAD_REQUEST;
}

/* Refuse a rule: `rule:COLUMN: why`. */
static uint8_t coap2i_refuse_rule(const coap2_req *req, coap2_rsp *rsp,
                                  const coap2_rule_fault *fault)
{
    uint8_t digits[COAP2I_NUMBER_TEXT];
    coap2_value column;
    size_t length;
    memset(&column, 0, sizeof column);
    column.magnitude = fault->column;
    length = (size_t)(coap2i_put_number(digits, &column) - digits);
    coap2i_reopen_answer(req->node, rsp);
    coap2i_write_flash(&rsp->w, COAP2_TEXT("rule:"));
    coap2i_body(&rsp->w, digits, length);
    coap2i_write_flash(&rsp->w, COAP2_TEXT(": "));
    coap2i_write_flash(&rsp->w, fault->flash_why);
    return COAP2_400_BAD_REQUEST;
}

/* The rule of a request; empty where it has none but wants an id. False if it
   does not subscribe. */
static bool coap2i_find_rule(const coap2_req *req, coap2_opt *rule)
{
    coap2_opt id;
    uint32_t number;
    memset(rule, 0, sizeof *rule);
    if ((req->flags & COAP2I_SUBSCRIBES_BY) == 0u) return false;
    if (coap2_msg_find(req->msg, COAP2_OPT_RULE, rule) && rule->length <= 255u)
        return true;
    rule->length = 0;
    return coap2_msg_find(req->msg, COAP2_OPT_NOTIFICATION, &id) &&
           coap2_opt_uint(&id, &number) && number == 0u;
}

/* Read what a request that observes wants to be told. COAP2_OK, or 4.00. */
static uint8_t coap2i_read_wish(const coap2_req *req, coap2_rsp *rsp,
                                const coap2_payload *shown, coap2i_wish *wish)
{
    coap2_rule_fault fault;
    coap2i_conditions conditions;
    const coap2_field *fields;
    coap2_opt rule;
    int16_t length;
    uint8_t count;
    memset(wish, 0, sizeof *wish);
    fields = coap2i_row_fields(req->resource, &count);
    length = coap2i_compile_conditions(&conditions, req->msg, fields, count,
                                       wish->rule, sizeof wish->rule, &fault);
    if (length > 0 && fields == NULL && !coap2i_has_value(shown)) {
        fault.flash_why = COAP2_TEXT("no value");
        length = COAP2_ERR_FORMAT;
    }
    if (length < 0) return coap2i_refuse_condition(req, rsp, &conditions);
    wish->ruled = length != 0;
    wish->con = conditions.con;
    if (!coap2i_find_rule(req, &rule)) return COAP2_OK;
    wish->ruled = wish->by_id = true;
    if (coap2_rule_compile((const char *)rule.value, rule.length, fields, count,
                           wish->rule, sizeof wish->rule, &fault) < 0)
        return coap2i_refuse_rule(req, rsp, &fault);
    return COAP2_OK;
}

/* An id that no subscription has. */
static uint32_t coap2i_new_subscription(coap2_node *node)
{
    const coap2_observer *o = node->observers;
    uint32_t id = coap2i_chance(node);
    while (o != node->observers + COAP2_MAX_OBSERVERS) {
        bool taken = id == 0u || (o->flags != 0u && o->subscription == id);
        o++;
        if (!taken) continue;
        id++;
        o = node->observers;
    }
    return id;
}

/* How long silence may last under a rule, in seconds. */
static uint32_t coap2i_rule_age(const uint8_t *rule)
{
    uint32_t pmax = coap2_rule_time(rule, COAP2_RULE_PMAX);
    return pmax == 0u ? 86400u : (pmax + 999u) / 1000u;
}

/* Where a rule finds what it asks about: in fields, else in a payload. */
typedef struct coap2i_values {
    coap2_look_fn look;
    const void *user;
    coap2_payload payload;
} coap2i_values;

static void coap2i_set_values(coap2i_values *values, const coap2_resource *row)
{
    uint8_t count;
    values->look = coap2_look_fields;
    values->user = coap2i_row_fields(row, &count);
    if (values->user != NULL) return;
    values->look = coap2_look_payload;
    values->user = &values->payload;
}

/* Let a rule begin: the answer counts as its first notification. */
static void coap2i_begin_rule(coap2_node *node, coap2_observer *o,
                              const coap2i_wish *wish,
                              const coap2i_values *values)
{
    bool marked;
    if (!wish->by_id)
        o->subscription = 0;
    else if (o->subscription == 0u)
        o->subscription = coap2i_new_subscription(node);
    marked = (o->flags & COAP2I_HAS_NEWS) != 0u &&
             (o->news & (COAP2I_MARKED | COAP2I_MARK_FLIES)) != 0u;
    o->news = 0;
    if (!wish->ruled) return;
    o->news = COAP2I_RULED;
    if (marked)
        o->news |= COAP2I_MARKED; /* it may not have arrived */
    else
        o->flags &= (uint8_t)~COAP2I_HAS_NEWS;
    if (wish->con) o->flags |= COAP2I_BY_CON;
    o->looked = node->time;
    memcpy(o->rule, wish->rule, sizeof o->rule);
    coap2_trigger_begin(&o->trigger, o->rule, values->look, values->user,
                        node->time);
}

#endif

/* End the observation that a request may be about. */
static void coap2i_end_observation(const coap2_req *req)
{
    coap2_observer *o =
        coap2i_find_observer(req->node, req->peer, req->msg, false);
    if (o != NULL) o->flags = 0;
}

/* Can a request begin an observation of what it was answered with success? */
static bool coap2i_can_observe(const coap2_req *req, const coap2_rsp *rsp,
                               uint8_t code)
{
    const coap2_resource *resource = req->resource;
#if COAP2_WITH_BLOCKS
    if ((req->flags & COAP2I_HAS_BLOCK1) != 0u) return false;
#endif
    return (req->flags & COAP2I_OBSERVES) != 0u && resource != NULL &&
           COAP2_CODE_CLASS(code) == 2u && rsp->w.window_at == 0u &&
           (COAP2I_FLASH_WORD(uint16_t, &resource->methods) &
            COAP2_OBSERVABLE) != 0u;
}

/* What a handler showed, before that was cut to what the client wants. */
typedef struct coap2i_shown {
    uint16_t format;
    size_t size;
} coap2i_shown;

#if COAP2I_SUBSCRIBES

/* The request that began a subscription comes again: it is answered, and renews
   nothing (RFC 7252 4.5). What is in flight is newer than that answer, for a
   client that gets the answer first (RFC 7641 3.4). */
static bool coap2i_is_asked_again(const coap2_req *req, coap2_rsp *rsp,
                                  uint8_t row, const coap2i_wish *wish)
{
    coap2_node *node = req->node;
    const coap2_observer *o =
        coap2i_find_observer(node, req->peer, req->msg, false);
    if (o == NULL || (o->news & COAP2I_RULED) == 0u || o->row != row ||
        o->request != req->msg->id || (o->subscription != 0u) != wish->by_id ||
        memcmp(o->rule, wish->rule, sizeof o->rule) != 0)
        return false;
    rsp->observed = true;
    if ((o->flags & COAP2I_IN_FLIGHT) == 0u) coap2i_count_sequence(node);
    rsp->sequence = node->sequence;
    if ((o->flags & COAP2I_IN_FLIGHT) != 0u)
        rsp->sequence = (o->sequence - 1u) & 0xffffffu;
    rsp->subscription = o->subscription;
    rsp->max_age = coap2i_rule_age(o->rule);
    return true;
}

#endif

/* Begin, renew or end an observation, as the request and its answer say (RFC
   7641 4.1). Only what a GET or FETCH of a resource in the table answers with
   success can be observed. Returns the code, 4.00 if the rule is none. */
static uint8_t coap2i_register(const coap2_req *req, coap2_rsp *rsp,
                               uint8_t code, const coap2i_shown *shown)
{
    coap2_node *node = req->node;
    const coap2_resource *resource = req->resource;
    coap2_observer *o = NULL;
    uint8_t row = 255;
#if COAP2I_SUBSCRIBES
    coap2i_wish wish;
    coap2i_values values;
#endif
    if ((req->flags & (COAP2I_OBSERVES | COAP2I_OBSERVES_NO_MORE)) == 0u ||
        !coap2i_is_safe(req) || req->peer->group)
        return code;
#if COAP2I_SUBSCRIBES
    values.payload.bytes = rsp->w.next - rsp->w.payload_size + 1;
    values.payload.length = shown->size != 0u ? shown->size - 1u : 0u;
    values.payload.format = shown->format;
    if ((req->flags & COAP2I_OBSERVES) != 0u && resource != NULL &&
        COAP2_CODE_CLASS(code) == 2u &&
        coap2i_read_wish(req, rsp, &values.payload, &wish) != COAP2_OK)
        code = COAP2_400_BAD_REQUEST;
#endif
    if (coap2i_can_observe(req, rsp, code))
        row = coap2i_row_index(node, resource);
    if (row == 255u) {
        coap2i_end_observation(req);
        return code;
    }
#if COAP2I_SUBSCRIBES
    if (coap2i_is_asked_again(req, rsp, row, &wish)) return code;
#endif
    o = coap2i_observe(node, req->peer, req->msg, row,
                       coap2i_has_star(resource), shown->format);
    if (o == NULL) return code;
    /* the first notification, if it is a message of its own (3.6) */
    o->id = (uint16_t)(node->next_id - 1u);
    if (req->msg->type == COAP2_CON) o->id ^= 0x8000u;
    rsp->observed = true;
    coap2i_count_sequence(node);
    rsp->sequence = o->sequence = node->sequence;
#if COAP2I_SUBSCRIBES
    coap2i_set_values(&values, resource);
    coap2i_begin_rule(node, o, &wish, &values);
    o->request = req->msg->id;
    rsp->subscription = o->subscription;
    if (wish.ruled) rsp->max_age = coap2i_rule_age(o->rule);
#endif
    return code;
}

#endif

#if COAP2_WITH_LATER

/* A handler took a ticket, and answers now all the same. False if the ticket
   has been answered already. */
static bool coap2i_drop_ticket(const coap2_req *req)
{
    coap2_exchange *e = coap2i_find_handle(req->node, req->ticket);
    if (e == NULL || e->state > COAP2I_TICKET) return false;
    e->state = COAP2I_FREE;
    return true;
}

#endif

/* Make an answer of what the handler wrote. */
static void coap2i_finish(const coap2_req *req, coap2_rsp *rsp, uint8_t code)
{
#if COAP2_WITH_BLOCKS
    if ((code == COAP2_205_CONTENT && !coap2i_runs_once(req)) || req->kept)
        code = coap2i_cut_answer(req, rsp, code);
    if ((req->flags & COAP2I_HAS_BLOCK1) != 0u && COAP2_CODE_CLASS(code) == 2u)
        coap2_write_block(&rsp->w, COAP2_OPT_BLOCK1, &req->block1);
#endif
    coap2i_close_answer(req->node, rsp, code);
}

/* Run what a request asks for, and complete its answer. False if that comes
   later. */
static bool coap2i_make_answer(coap2_req *req, coap2_rsp *rsp)
{
    uint8_t code;
#if COAP2_WITH_OBSERVE
    coap2i_shown shown;
#endif
#if COAP2_FLOOD_LIMIT
    if (!coap2i_admit(req->node, req->peer)) {
        rsp->max_age = 1;
        coap2i_close_answer(req->node, rsp, COAP2_429_TOO_MANY_REQUESTS);
        return true;
    }
#endif
    req->node->inside = true;
    code = coap2i_dispatch(req, rsp);
    req->node->inside = false;
#if COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS
    if ((req->flags & COAP2I_HAS_BLOCK1) != 0u && COAP2_CODE_CLASS(code) != 2u)
        coap2i_end_upload(req);
#endif
#if COAP2_WITH_LATER
    if ((req->flags & COAP2I_IS_LATE) != 0u &&
        (code == COAP2_LATER || !coap2i_drop_ticket(req)))
        return false;
#endif
    if (COAP2_CODE_CLASS(code) - 2u > 3u)
        code = COAP2_500_INTERNAL_SERVER_ERROR;
#if COAP2_WITH_OBSERVE
    shown.format = rsp->format;
    shown.size = rsp->w.payload_size;
    code = coap2i_negotiate(req, rsp, code);
    code = coap2i_register(req, rsp, code, &shown);
#else
    code = coap2i_negotiate(req, rsp, code);
#endif
    coap2i_finish(req, rsp, code);
    return true;
}

/* The bit of a method; 0 for one that we do not know. */
static uint8_t coap2i_method(uint8_t code)
{
    if (code > COAP2_007_IPATCH) return 0;
    return (uint8_t)(1u << code >> 1);
}

/* Send an answer, or the silence that is wanted instead. */
static void coap2i_deliver(coap2_req *req, const coap2_rsp *rsp)
{
    coap2_node *node = req->node;
    const coap2_writer *w = &rsp->w;
    size_t length = (size_t)(w->next - w->start);
    if (coap2i_is_wanted(w->start[1], req->silent)) {
        if (req->peer->group)
            coap2i_delay(node, req->peer, w->start, length,
                         coap2i_chance_to(node, node->leisure));
        else
            coap2i_send(node, req->peer, w->start, length);
    } else if (req->msg->type == COAP2_CON) {
        coap2i_send_empty(node, req->peer, COAP2_ACK, req->msg->id);
    }
}

/* Read a message as a request. */
static void coap2i_open_request(coap2_node *node, coap2_req *req,
                                const coap2_peer *from, const coap2_msg *msg)
{
    memset(req, 0, sizeof *req);
    req->node = node;
    req->peer = from;
    req->msg = msg;
    req->payload = msg->payload;
    req->payload_length = msg->payload_length;
    req->format = req->accept = COAP2_NO_FORMAT;
    req->method = coap2i_method(msg->code);
    if (from->group) req->silent = 8u | 16u;
#if COAP2_WITH_BLOCKS
    req->last = true;
#endif
    coap2i_take_options(req);
}

/* Must its answer be remembered, as it cannot be made again? */
static bool coap2i_must_remember(const coap2_req *req)
{
#if COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS
    if (req->kept && req->block2.number != 0u) return false;
    return coap2i_runs_once(req);
#else
    return !coap2i_is_safe(req);
#endif
}

/* Where notifications are made, too, both need much stack, and neither is to
   stand on what the other needs. */
#if COAP2_WITH_OBSERVE
#define COAP2I_SERVES COAP2I_RARE
#else
#define COAP2I_SERVES static
#endif

/* Handle a request that is new. */
COAP2I_SERVES void coap2i_serve(coap2_node *node, const coap2_peer *from,
                                const coap2_msg *msg)
{
    coap2_req req;
    coap2_rsp rsp;
#if COAP2_WITH_DISCOVERY
    coap2_peer asker;
    coap2_opt search;
    if (node->no_groups && msg->type == COAP2_NON &&
        msg->code == COAP2_001_GET && coap2i_read_search(msg, &search) &&
        coap2_msg_path_equals(msg, coap2i_core_path)) {
        asker = *from;
        asker.group = true;
        from = &asker;
    }
#endif
    coap2i_open_request(node, &req, from, msg);
    /* rejected (5.4.1) */
    if (msg->type == COAP2_NON && (req.flags & COAP2I_BAD_OPTION) != 0u) return;
    coap2i_clear_answer(&rsp);
    coap2i_open_reply(node, &rsp.w, msg, COAP2_500_INTERNAL_SERVER_ERROR);
    if (!coap2i_make_answer(&req, &rsp)) return;
#if COAP2_REPLY_LIMIT > 0
    coap2i_limit_answer(node, from, &rsp, coap2i_answer_limit(&req),
                        coap2i_is_safe(&req));
#endif
#if COAP2_WITH_OBSERVE
    if ((req.flags & COAP2I_OBSERVES) != 0u &&
        COAP2_CODE_CLASS(rsp.w.start[1]) != 2u)
        coap2i_end_observation(&req);
#endif
    /* what is safe is done again when it is asked for again (4.5), and a block
       that is kept given again */
    if (msg->type == COAP2_NON || (req.flags & COAP2I_IS_LATE) != 0u ||
        rsp.w.start[1] == COAP2_202_DELETED || coap2i_must_remember(&req))
        (void)coap2i_remember(
            node, from, msg,
            coap2i_is_wanted(rsp.w.start[1], req.silent) ? &rsp.w : NULL);
    coap2i_deliver(&req, &rsp);
}

#if COAP2_WITH_OBSERVE

/* What an observer asked for, as it would ask for it now. */
static void coap2i_observer_msg(const coap2_observer *o, coap2_msg *msg)
{
    memset(msg, 0, sizeof *msg);
    msg->type = COAP2_NON;
    msg->code = o->code;
    msg->token = o->token;
    msg->token_length = o->token_length;
    msg->options.value = o->options;
    msg->options.end = msg->payload = o->options + o->options_length;
    msg->payload_length = o->payload_length;
}

/* Run the handler for an observer; returns its code. */
static uint8_t coap2i_look_again(coap2_req *req, coap2_rsp *rsp,
                                 const coap2_observer *o)
{
    uint8_t code;
    req->again = true;
    req->flags |= COAP2I_OBSERVES;
    req->resource = COAP2I_FLASH_WORD(const coap2_resource *,
                                      req->node->resources + o->row);
    req->node->inside = true;
    code = coap2i_run_handler(
        req, rsp, COAP2I_FLASH_WORD(coap2_handler_fn, &req->resource->handler));
    req->node->inside = false;
    if (COAP2_CODE_CLASS(code) - 2u > 3u)
        code = COAP2_500_INTERNAL_SERVER_ERROR;
    if (code == COAP2_205_CONTENT && rsp->format != o->format) {
        coap2i_reopen_answer(req->node, rsp);
        code = COAP2_406_NOT_ACCEPTABLE;
    }
    return code;
}

#if COAP2I_SUBSCRIBES

/* What an observer's rule looks at, after its handler has run. */
static void coap2i_observed_values(coap2i_values *values,
                                   const coap2_observer *o,
                                   const coap2_rsp *rsp,
                                   const coap2_resource *row)
{
    const coap2_writer *w = &rsp->w;
    values->payload.bytes = w->next - w->payload_size + 1;
    values->payload.length = w->payload_size != 0u ? w->payload_size - 1u : 0u;
    values->payload.format = o->format;
    coap2i_set_values(values, row);
}

/* When an observer's rule wants to be looked at without a change. */
static uint32_t coap2i_rule_rest(const coap2_node *node,
                                 const coap2_observer *o)
{
    uint32_t rest, epmax, passed = node->time - o->looked;
    if ((o->news & COAP2I_RULED) == 0u || (o->flags & COAP2I_ENDS) != 0u)
        return COAP2_FOREVER;
    if ((o->news & COAP2I_IN_DOUBT) != 0u) return 0;
    /* a message is on its way: time adds none */
    if ((o->flags & (COAP2I_HAS_NEWS | COAP2I_IN_FLIGHT)) != 0u &&
        !o->trigger.waiting)
        return COAP2_FOREVER;
    rest = coap2_trigger_due(&o->trigger, o->rule, node->time);
    epmax = coap2_rule_time(o->rule, COAP2I_RULE_EPMAX);
    if (epmax == 0u) return rest;
    epmax = passed < epmax ? epmax - passed : 0u;
    return epmax < rest ? epmax : rest;
}

/* Hold an observer's rule against what its handler has shown. */
static void coap2i_ask_rule(coap2_node *node, coap2_observer *o,
                            const coap2i_values *values)
{
    uint32_t epmax = coap2_rule_time(o->rule, COAP2I_RULE_EPMAX);
    bool change = (o->news & COAP2I_IN_DOUBT) != 0u ||
                  (epmax != 0u && node->time - o->looked >= epmax);
    uint8_t reason;
    o->news &= (uint8_t)~COAP2I_IN_DOUBT;
    o->looked = node->time;
    reason = coap2i_trigger_run(&o->trigger, o->rule, values->look,
                                values->user, node->time, change);
    /* what waits for its acknowledgement carries the state of its time */
    if (reason == COAP2_QUIET ||
        (reason == COAP2_PERIOD && (o->flags & COAP2I_IN_FLIGHT) != 0u))
        return;
    o->flags |= COAP2I_HAS_NEWS;
    if (reason == COAP2_MATCH) o->news |= COAP2I_MARKED;
}

/* A change, or time, may be what an observer's rule waits for. */
static void coap2i_judge(coap2_node *node, coap2_observer *o)
{
    coap2_req req;
    coap2_rsp rsp;
    coap2_msg msg;
    coap2i_values values;
    uint8_t count, code = COAP2_205_CONTENT;
    const coap2_resource *row =
        COAP2I_FLASH_WORD(const coap2_resource *, node->resources + o->row);
    if (coap2i_rule_rest(node, o) != 0u) return;
    coap2i_clear_answer(&rsp);
    coap2_write_start(&rsp.w, node->out, node->packet);
    if (coap2i_row_fields(row, &count) == NULL) {
        coap2i_observer_msg(o, &msg);
        coap2i_open_request(node, &req, &o->peer, &msg);
        code = coap2i_look_again(&req, &rsp, o);
    }
    if (COAP2_CODE_CLASS(code) != 2u) { /* is never held back */
        o->flags |= COAP2I_HAS_NEWS;
        o->news &= (uint8_t)~COAP2I_IN_DOUBT;
        o->trigger.last = o->looked = node->time;
        return;
    }
    coap2i_observed_values(&values, o, &rsp, row);
    coap2i_ask_rule(node, o, &values);
}

/* A notification shows the state as it is: so it is what was sent last. */
static void coap2i_rule_shown(coap2_node *node, coap2_observer *o,
                              const coap2_rsp *rsp, const coap2_resource *row,
                              bool repeat)
{
    coap2i_values values;
    uint32_t last = o->trigger.last;
    bool waiting = o->trigger.waiting;
    coap2i_sight sight;
    coap2i_observed_values(&values, o, rsp, row);
    coap2i_sight_set(&sight, values.look, values.user, o->trigger.olds);
    coap2i_trigger_sent(&o->trigger, &sight, o->rule, node->time);
    o->trigger.waiting = waiting;
    if (repeat) o->trigger.last = last;
}

#endif

/* Make a notification, in the slot to write in, of what the handler says: the
   state, or the error that ends the observation (RFC 7641 4.2), which is its
   code alone: it needs no memory when it is repeated. Returns its length. */
COAP2I_RARE size_t coap2i_render(coap2_node *node, coap2_observer *o, bool con,
                                 bool repeat)
{
    coap2_req req;
    coap2_rsp rsp;
    coap2_msg msg;
    uint8_t code;
    coap2i_observer_msg(o, &msg);
    coap2i_open_request(node, &req, &o->peer, &msg);
    coap2i_clear_answer(&rsp);
    coap2_write_start(&rsp.w, node->out, node->packet);
    coap2_write_header(&rsp.w, con ? COAP2_CON : COAP2_NON,
                       COAP2_500_INTERNAL_SERVER_ERROR, o->id, o->token,
                       o->token_length);
    if ((o->flags & COAP2I_ENDS) != 0u) {
        node->out[1] = (uint8_t)o->format;
        return coap2_write_end(&rsp.w);
    }
#if COAP2I_SUBSCRIBES
    if (o->subscription != 0u) req.flags |= COAP2I_SUBSCRIBES_BY;
#endif
    code = coap2i_look_again(&req, &rsp, o);
#if COAP2I_SUBSCRIBES
    if ((o->news & COAP2I_RULED) != 0u && COAP2_CODE_CLASS(code) == 2u) {
        coap2i_rule_shown(node, o, &rsp, req.resource, repeat);
        rsp.max_age = coap2i_rule_age(o->rule);
        rsp.subscription = o->subscription;
        rsp.marked = o->subscription != 0u &&
                     (o->news & (COAP2I_MARKED | COAP2I_MARK_FLIES)) != 0u;
    }
#endif
    rsp.observed = true;
    rsp.sequence = repeat ? o->sequence : node->sequence;
    coap2i_finish(&req, &rsp, coap2i_negotiate(&req, &rsp, code));
    if (COAP2_CODE_CLASS(node->out[1]) != 2u) rsp.w.next = rsp.w.options;
    return coap2_write_end(&rsp.w);
}

/* A notification has left: when is the next one due? */
static void coap2i_observer_sent(coap2_node *node, coap2_observer *o, bool con)
{
    uint8_t credit = coap2i_credit(node, o);
#if COAP2I_SUBSCRIBES
    if (con && (o->news & COAP2I_MARKED) != 0u) o->news |= COAP2I_MARK_FLIES;
    o->news &= (uint8_t)~COAP2I_MARKED;
#endif
    if (con) {
        if (o->tries == 0u) o->timeout = coap2i_first_timeout(node);
        o->due = node->time + ((uint32_t)o->timeout << o->tries++);
        o->flags |= COAP2I_IN_FLIGHT;
    } else {
        o->sequence = node->time;
        o->flags &= COAP2I_CREDIT - 1;
        o->flags |= (uint8_t)((uint8_t)(credit - 1u) * COAP2I_CREDIT);
    }
}

/* Is what goes out to an observer another message than the last? */
static bool coap2i_is_new_state(const coap2_observer *o)
{
    if (o->tries == 0u) return true;
    if ((o->flags & COAP2I_ENDS) != 0u) return false;
    return (o->flags & COAP2I_HAS_NEWS) != 0u;
}

/* Send an observer the state as it is: a new one under a new id, also while an
   older one waits for its acknowledgement, whose count of transmissions goes on
   (RFC 7641 4.5.2). */
COAP2I_RARE void coap2i_notify(coap2_node *node, coap2_observer *o)
{
    coap2_result result;
    size_t length;
    uint16_t id = o->id;
    bool ends, repeat = true, con = (o->flags & COAP2I_BY_CON) != 0u;
    if (coap2i_is_past(node, &o->due)) con = true;
    if (o->tries > node->max_retransmit) {
        COAP2I_LOG(node, "an observer is gone", &o->peer);
        o->flags = 0;
        return;
    }
    if (coap2i_is_new_state(o)) {
        o->id = coap2i_new_id(node);
        coap2i_count_sequence(node);
        o->flags &= (uint8_t)~COAP2I_HAS_NEWS;
        repeat = false;
    }
    length = coap2i_render(node, o, con, repeat);
    ends = COAP2_CODE_CLASS(node->out[1]) != 2u;
    if (ends && repeat && (o->flags & COAP2I_ENDS) == 0u) {
        o->id = coap2i_new_id(node); /* another message than the state was */
        node->out[2] = (uint8_t)(o->id >> 8);
        node->out[3] = (uint8_t)o->id;
    }
    result = coap2i_transmit(node, &o->peer, node->out, length);
    if (result == COAP2_ERR_AGAIN) {
        if (!repeat) o->flags |= COAP2I_HAS_NEWS;
        o->id = id; /* an ACK or RST is about what has left */
        return;
    }
    if (result != COAP2_OK || (ends && !con)) {
        o->flags = 0;
        return;
    }
    coap2i_observer_sent(node, o, con);
    if (con && !repeat) o->sequence = node->sequence;
    if (!ends) return;
    o->flags |= COAP2I_ENDS;
    o->format = node->out[1];
}

/* Notify all whose time it is; one that is given up lets others go. Returns how
   long the others can wait. */
static uint32_t coap2i_notify_all(coap2_node *node)
{
    uint32_t rest = COAP2_FOREVER, wait;
    coap2_observer *o = node->observers;
    while (o != node->observers + COAP2_MAX_OBSERVERS) {
#if COAP2I_SUBSCRIBES
        if (o->flags != 0u) coap2i_judge(node, o);
#endif
        if (o->flags != 0u && coap2i_observer_rest(node, o) == 0u) {
            coap2i_notify(node, o);
            if (o->flags == 0u) {
                o = node->observers;
                continue;
            }
        }
        o++;
    }
    for (o = node->observers; o != node->observers + COAP2_MAX_OBSERVERS; o++) {
        if (o->flags == 0u) continue;
        wait = coap2i_observer_rest(node, o);
        if (wait == 0u) wait = COAP2I_BUSY_MS;
#if COAP2I_SUBSCRIBES
        if (coap2i_rule_rest(node, o) < wait) wait = coap2i_rule_rest(node, o);
#endif
        if (wait < rest) rest = wait;
    }
    return rest;
}

#endif

#if COAP2_WITH_LATER

/* exchange->flags of a ticket, beside the classes that are not wanted */
enum { COAP2I_WAS_NON = 1, COAP2I_WAS_GROUP = 4, COAP2I_WAS_SAFE = 32 };

COAP2_DEF int16_t coap2_later(coap2_req *req)
{
    coap2_node *node = req->node;
    coap2_exchange *e = coap2i_free_exchange(node);
    if (req->again) { /* there is something, whatever it says */
        req->flags |= COAP2I_IS_LATE;
        return COAP2_ERR_ARG;
    }
    if (e == NULL) return COAP2_ERR_FULL;
    memset(e, 0, sizeof *e);
    e->peer = *req->peer;
    e->state = COAP2I_LATE;
    e->due = node->time + COAP2_ACK_DELAY;
    e->id = req->msg->id;
    e->code = req->msg->code;
    e->flags = req->silent & (2u | 8u | 16u);
    if (coap2i_is_safe(req)) e->flags |= COAP2I_WAS_SAFE;
#if COAP2_REPLY_LIMIT > 0
    e->limit = coap2i_answer_limit(req);
#endif
    if (req->msg->type == COAP2_NON) {
        e->state = COAP2I_TICKET;
        e->flags |= COAP2I_WAS_NON;
        if (e->peer.group) e->flags |= COAP2I_WAS_GROUP;
        e->peer.group = false;
    }
    e->token_length = req->msg->token_length;
    memcpy(e->token, req->msg->token, e->token_length);
    e->handle = coap2i_new_handle(node);
    (void)coap2i_remember(node, req->peer, req->msg, NULL);
    req->flags |= COAP2I_IS_LATE;
    req->ticket = e->handle;
    return e->handle;
}

static coap2_exchange *coap2i_find_ticket(coap2_node *node, int16_t ticket)
{
    coap2_exchange *e = coap2i_find_handle(node, ticket);
    if (e == NULL || e->state > COAP2I_TICKET) return NULL;
    return e;
}

COAP2_DEF coap2_result coap2_answer_start(coap2_rsp *rsp, coap2_node *node,
                                          int16_t ticket)
{
    coap2_exchange *e = coap2i_find_ticket(node, ticket);
    memset(rsp, 0, sizeof *rsp);
    if (e == NULL) return COAP2_ERR_ARG;
    coap2i_clear_answer(rsp);
    coap2_write_start(&rsp->w, coap2i_packet(node, e), node->packet);
    coap2_write_header(&rsp->w, COAP2_CON, COAP2_500_INTERNAL_SERVER_ERROR, 0,
                       e->token, e->token_length);
    rsp->node = node;
    rsp->ticket = ticket;
    return COAP2_OK;
}

/* An answer goes with the ACK as long as that has not left, else it is a
   message of its own (5.2). */
static void coap2i_address_answer(coap2_node *node, coap2_exchange *e,
                                  uint8_t *packet)
{
    uint8_t type = COAP2_CON;
    uint16_t id = e->id;
    if ((e->flags & COAP2I_WAS_NON) != 0u) type = COAP2_NON;
    if (e->state == COAP2I_LATE)
        type = COAP2_ACK;
    else
        e->id = id = coap2i_new_id(node);
    packet[0] = (uint8_t)(packet[0] + type * 16u);
    packet[2] = (uint8_t)(id >> 8);
    packet[3] = (uint8_t)id;
}

/* The request that an unacknowledged ticket is for, as far as a record of it
   needs to know. */
static void coap2i_remember_late(coap2_node *node, const coap2_exchange *e,
                                 const coap2_writer *w)
{
    coap2_duplicate *d;
    coap2_msg request;
    memset(&request, 0, sizeof request);
    request.type = COAP2_CON;
    request.code = e->code;
    request.id = e->id;
    request.token = e->token;
    request.token_length = e->token_length;
    d = coap2i_remember(node, &e->peer, &request, w);
    /* what is safe and too long is made again (4.5) */
    if ((e->flags & COAP2I_WAS_SAFE) != 0u &&
        (size_t)(w->next - w->options) > d->length)
        d->used = false;
}

/* The answer is complete in its slot: poll sends it. */
COAP2_DEF coap2_result coap2_answer_send(coap2_rsp *rsp, uint8_t code)
{
    coap2_node *node = rsp->node;
    coap2_writer *w = &rsp->w;
    coap2_exchange *e;
    coap2_result result;
    if (node == NULL) return COAP2_ERR_ARG;
    e = coap2i_find_ticket(node, rsp->ticket);
    if (e == NULL) return COAP2_ERR_ARG;
    result = w->error;
    if (COAP2_CODE_CLASS(code) - 2u > 3u)
        code = COAP2_500_INTERNAL_SERVER_ERROR;
    coap2i_close_answer(node, rsp, code);
    if (w->start[1] != code && result == COAP2_OK) result = COAP2_ERR_SPACE;
#if COAP2_REPLY_LIMIT > 0
    coap2i_limit_answer(node, &e->peer, rsp, e->limit,
                        (e->flags & COAP2I_WAS_SAFE) != 0u);
#endif
    e->length = (uint16_t)coap2_write_end(w);
    if (!coap2i_is_wanted(w->start[1], (uint8_t)e->flags)) {
        if (e->state == COAP2I_LATE) coap2i_ack_late(node, e);
        e->state = COAP2I_FREE;
        return result;
    }
    e->due = node->time;
    coap2i_address_answer(node, e, w->start);
    if ((w->start[0] & 0x30u) == COAP2_CON << 4) {
        e->state = COAP2I_ANSWERING;
        e->tries = 0;
        return result;
    }
    if (e->state == COAP2I_LATE) coap2i_remember_late(node, e, w);
    if ((e->flags & COAP2I_WAS_GROUP) != 0u)
        e->due += coap2i_chance_to(node, node->leisure);
    e->state = COAP2I_DELAYED;
    return result;
}

COAP2_DEF coap2_result coap2_answer(coap2_node *node, int16_t ticket,
                                    uint8_t code, uint16_t format,
                                    const void *bytes, size_t length)
{
    coap2_rsp rsp;
    coap2_result result = coap2_answer_start(&rsp, node, ticket);
    if (result != COAP2_OK) return result;
    coap2_rsp_bytes(&rsp, format, bytes, length);
    return coap2_answer_send(&rsp, code);
}

#endif /* COAP2_WITH_LATER */

#endif /* COAP2_WITH_SERVER */

/* ---- >>client: a request goes out, its answer comes in ---------------------
   Knows requests from their first byte to their callback. */

#if COAP2_WITH_CLIENT

/* exchange->flags of a request */
enum {
    COAP2I_ECHOED = 1,
    COAP2I_ANSWERED = 2,
    COAP2I_OBSERVING = 4,    /* it asks to observe */
    COAP2I_WATCHES = 8,      /* and does: a notification has come */
    COAP2I_UNOBSERVING = 16, /* is to become the one that ends it */
    COAP2I_HEARD = 32,       /* a notification came, now or before */
    COAP2I_OWN_TOKEN = 64,   /* the caller gave the token */
    COAP2I_BY_SEARCH = 128,  /* its host was found by a search */
    COAP2I_SOUGHT_AGAIN = 256
};

/* Is it the token of a request that has not ended, or of the observation that
   it began, which goes on while blocks are asked for under others? */
static bool coap2i_uses_token(const coap2_exchange *e, const uint8_t *token)
{
    if (e->state < COAP2I_QUEUED) return false;
#if COAP2_WITH_OBSERVE
    if ((e->flags & COAP2I_WATCHES) != 0u &&
        e->watch_length == COAP2_TOKEN_LENGTH &&
        memcmp(e->watch, token, COAP2_TOKEN_LENGTH) == 0)
        return true;
#endif
    return e->token_length == COAP2_TOKEN_LENGTH &&
           memcmp(e->token, token, COAP2_TOKEN_LENGTH) == 0;
}

/* Draw a token that no request uses. */
static void coap2i_new_token(coap2_node *node, uint8_t token[8])
{
    const coap2_exchange *e = node->exchanges;
    uint32_t chance = 0;
    uint8_t i;
    while (e != node->exchanges + COAP2_MAX_EXCHANGES) {
        if (e == node->exchanges)
            for (i = 0; i < COAP2_TOKEN_LENGTH; i++, chance >>= 8) {
                if (i % 4u == 0u) chance = coap2i_chance(node);
                token[i] = (uint8_t)chance;
            }
        if (coap2i_uses_token(e, token))
            e = node->exchanges;
        else
            e++;
    }
}

/* The code of a method's bit. */
static uint8_t coap2i_method_code(uint8_t method)
{
    uint8_t code = 0;
    for (; method != 0u; method = (uint8_t)(method >> 1)) code++;
    return code;
}

/* Open the packet of a request in the slot of a free exchange. */
static void coap2i_open_call(coap2_call *call, coap2_node *node, uint8_t method)
{
    coap2_exchange *e = coap2i_free_exchange(node);
    uint8_t code = coap2i_method_code(method), token[8], *packet = NULL;
    memset(call, 0, sizeof *call);
    call->node = node;
    call->confirmable = true;
    call->deadline = COAP2_DEADLINE;
#if COAP2_WITH_BLOCKS
    call->szx = 6;
#endif
    if (e == NULL)
        call->error = COAP2_ERR_FULL;
    else
        packet = coap2i_packet(node, e);
    coap2_write_start(&call->w, packet, packet == NULL ? 0u : node->packet);
    coap2i_new_token(node, token);
    coap2_write_header(&call->w, COAP2_CON, code, 0, token,
                       code == COAP2_PING ? (uint8_t)0
                                          : (uint8_t)COAP2_TOKEN_LENGTH);
}

COAP2_DEF void coap2_call_start_to(coap2_call *call, coap2_node *node,
                                   uint8_t method, const coap2_peer *peer,
                                   const char *path)
{
    coap2i_open_call(call, node, method);
    call->peer = *peer;
    if (path[0] == '/') path++;
    while (path[0] != '\0') {
        size_t length = 0;
        while (path[length] != '\0' && path[length] != '/') length++;
        coap2_write_opt(&call->w, COAP2_OPT_URI_PATH, path, length);
        path += length;
        if (path[0] == '/' && *++path == '\0')
            coap2_write_opt(&call->w, COAP2_OPT_URI_PATH, path, 0);
    }
}

COAP2_DEF void coap2_call_token(coap2_call *call, const void *token,
                                size_t length)
{
    coap2_writer *w = &call->w;
    size_t written = (size_t)(w->next - w->options);
    if (length > 8u) {
        coap2i_fail(w, COAP2_ERR_ARG);
        return;
    }
    if (w->error != COAP2_OK) return;
    if (4u + length + written > (size_t)(w->end - w->start)) {
        coap2i_fail(w, COAP2_ERR_SPACE);
        return;
    }
    memmove(w->start + 4 + length, w->options, written);
    call->own_token = true;
    if (length != 0u) memcpy(w->start + 4, token, length);
    w->start[0] = (uint8_t)(0x40u | length);
    w->options = w->start + 4 + length;
    w->next = w->options + written;
}

#if COAP2I_FINDS

/* ---- names ---- */

#define COAP2I_NAME_MS 300000ul
enum { COAP2I_SEARCH_MS = 1000 };

static uint32_t coap2i_hash_name(const char *name, size_t length)
{
    uint32_t hash = COAP2I_HASH_START;
    size_t i;
    length = coap2i_without_dot(name, length);
    for (i = 0; i < length; i++) {
        bool letter = coap2i_is_letter(name[i]);
        hash = coap2i_mix(hash, (uint8_t)(name[i] | (letter ? 0x20 : 0)));
    }
    return hash;
}

/* Where a name was found last; or NULL. */
static coap2_place *coap2i_known_name(coap2_node *node, uint32_t name)
{
    coap2_place *p = node->places;
    for (; p != node->places + COAP2_MAX_NAMES; p++)
        if (p->used && p->name == name) return p;
    return NULL;
}

/* Remember where a name was found: its first place in a search. Where there is
   no room, what is oldest goes. */
static void coap2i_keep_name(coap2_node *node, uint32_t name,
                             const coap2_peer *peer, int16_t search)
{
    coap2_place *place = coap2i_known_name(node, name), *p = node->places;
    if (place != NULL && place->search == search) return;
    if (place == NULL) place = p;
    for (; place->used && place->name != name &&
           p != node->places + COAP2_MAX_NAMES;
         p++)
        if (!p->used || (int32_t)(p->until - place->until) < 0) place = p;
    place->used = true;
    place->peer = *peer;
    place->peer.group = false;
    place->name = name;
    place->search = search;
    place->until = (uint32_t)(node->time + COAP2I_NAME_MS);
}

/* Write the request that looks for somebody. */
static void coap2i_write_search(coap2_writer *w, const void *what,
                                size_t length)
{
    uint8_t path[11];
    COAP2I_FLASH_COPY(path, COAP2_TEXT(".well-known"), sizeof path);
    coap2_write_opt(w, COAP2_OPT_URI_PATH, path, sizeof path);
    COAP2I_FLASH_COPY(path, COAP2_TEXT("core"), 4);
    coap2_write_opt(w, COAP2_OPT_URI_PATH, path, 4);
    coap2_write_opt(w, COAP2_OPT_DISCOVERY, what, length);
    if (length > 255u) coap2i_fail(w, COAP2_ERR_ARG);
}

COAP2_DEF void coap2_call_find(coap2_call *call, coap2_node *node,
                               const char *what)
{
    coap2i_open_call(call, node, COAP2_GET);
    call->peer.group = true;
    call->peer.port = 5683;
    call->confirmable = false;
    call->deadline =
        (uint32_t)node->leisure + node->ack_timeout + COAP2I_SEARCH_MS;
    coap2i_write_search(&call->w, what, strlen(what));
}

#endif

#if COAP2_WITH_URI

/* A host's address by its name: where a search found it, what `resolve` says,
   or none as yet: it will be looked for. */
static bool coap2i_resolve_name(coap2_node *node, const coap2_uri *uri,
                                coap2_peer *peer)
{
#if COAP2I_FINDS
    coap2_place *place = NULL;
    if (uri->kind == COAP2_HOST_NAME)
        place = coap2i_known_name(
            node, coap2i_hash_name(uri->host, uri->host_length));
    if (place != NULL) return true;
#endif
    if (node->resolve != NULL &&
        node->resolve(node->io, uri->host, uri->host_length, peer))
        return true;
    memset(peer, 0, sizeof *peer);
    return COAP2I_FINDS && uri->kind == COAP2_HOST_NAME;
}

/* The address of a URI's host. */
static bool coap2i_resolve(coap2_node *node, const coap2_uri *uri,
                           coap2_peer *peer)
{
    uint8_t address[16], size = coap2_uri_address(uri, address);
#if COAP2_ADDRESS_SIZE >= 16
    size_t i;
    for (i = 0; i < uri->zone_length; i++) {
        if (!coap2i_is_digit(uri->zone[i]) || i == 9u) break;
        peer->scope =
            peer->scope * 10u + (uint32_t)(uint8_t)(uri->zone[i] - '0');
    }
    if (i != uri->zone_length) size = 0;
#endif
    if (size != 0u && size <= sizeof peer->address) {
        memcpy(peer->address, address, size);
        peer->kind = size == 4u ? COAP2_PEER_IPV4 : COAP2_PEER_IPV6;
        peer->group = size == 4u ? address[0] / 16u == 14u : address[0] == 255u;
    } else if (!coap2i_resolve_name(node, uri, peer)) {
        return false;
    }
    peer->port = uri->port;
    return true;
}

#if COAP2I_FINDS

/* A host that was found takes the port of its node, but where the URI has
   another. */
static void coap2i_set_place(coap2_peer *peer, const coap2_peer *place)
{
    uint16_t port = peer->port;
    *peer = *place;
    peer->group = false;
    if (port != 5683u) peer->port = port;
}

/* A ping carries no name that could be looked for. */
static coap2_result coap2i_ping_name(coap2_node *node, const coap2_uri *uri,
                                     coap2_peer *peer)
{
    coap2_place *place =
        coap2i_known_name(node, coap2i_hash_name(uri->host, uri->host_length));
    if (place == NULL) return COAP2_ERR_NAME;
    coap2i_set_place(peer, &place->peer);
    return COAP2_OK;
}

#endif

COAP2_DEF void coap2_call_start(coap2_call *call, coap2_node *node,
                                uint8_t method, const char *uri)
{
    coap2_uri parts;
    coap2_result result = coap2_uri_parse(&parts, uri, strlen(uri));
    coap2i_open_call(call, node, method);
    if (result == COAP2_OK && parts.scheme != COAP2_SCHEME_COAP)
        result = COAP2_ERR_ARG;
    if (result == COAP2_OK && !coap2i_resolve(node, &parts, &call->peer))
        result = COAP2_ERR_NAME;
#if COAP2I_FINDS
    if (result == COAP2_OK && method == COAP2_PING && call->peer.kind == 0u)
        result = coap2i_ping_name(node, &parts, &call->peer);
#endif
    if (result != COAP2_OK) {
        call->error = result;
        return;
    }
    if (method != COAP2_PING) coap2_write_uri(&call->w, &parts);
}

#endif

#if COAP2_WITH_BLOCKS

/* Block1, Size1, Request-Tag and the payload marker. */
enum { COAP2I_PIECE_OPTIONS = 20 };

/* Write the piece of a request's body that is under way. A tag tells it from
   another that goes to the same resource (RFC 9175 3.4). */
static void coap2i_write_piece(coap2_exchange *e, coap2_writer *w)
{
    uint32_t left = e->pull_length - e->offset;
    size_t size = coap2i_block_size(e->szx);
    bool more = left > size;
    coap2_block block;
    if (!more) size = (size_t)left;
    if (more || e->offset != 0u) {
        coap2_write_uint(w, COAP2_OPT_REQUEST_TAG, (uint16_t)e->handle);
        block.number = e->offset >> e->szx >> 4;
        block.szx = e->szx;
        block.more = more;
        coap2_write_block(w, COAP2_OPT_BLOCK1, &block);
    }
    if (more && e->offset == 0u)
        coap2_write_uint(w, COAP2_OPT_SIZE1, e->pull_length);
    coap2_write_payload(w, NULL, size);
    if (w->error == COAP2_OK && size != 0u)
        e->pull(e->user, e->offset, w->next - size, size);
}

/* Ask for an answer in small blocks from the beginning (RFC 7959 2.3). */
static void coap2i_write_szx(const coap2_exchange *e, coap2_writer *w)
{
    coap2_block block;
    if (e->most_szx >= 6u) return;
    (void)coap2_block_set(&block, 0, e->most_szx, false);
    coap2_write_block(w, COAP2_OPT_BLOCK2, &block);
}

static void coap2i_begin_body(const coap2_call *call, coap2_exchange *e,
                              coap2_writer *w)
{
    size_t room = (size_t)(w->end - w->next);
    room = room > COAP2I_PIECE_OPTIONS ? room - COAP2I_PIECE_OPTIONS : 0u;
    e->body = call->body;
    e->body_size = call->body_size;
    e->pull = call->pull;
    e->pull_length = call->pull_length;
    e->szx = e->most_szx = call->szx;
    coap2i_write_szx(e, w);
    if (e->pull == NULL) return;
    e->szx = coap2i_fit_szx(room, e->szx);
    coap2i_write_piece(e, w);
}

#endif

#if COAP2_WITH_OBSERVE

/* Does a request ask to observe? */
static bool coap2i_asks_to_observe(const coap2_writer *w)
{
    coap2_msg msg;
    coap2_opt opt;
    uint32_t number = 1;
    return coap2_msg_parse(&msg, w->start, (size_t)(w->next - w->start)) ==
               COAP2_OK &&
           coap2_msg_find(&msg, COAP2_OPT_OBSERVE, &opt) &&
           coap2_opt_uint(&opt, &number) && number == 0u;
}

#endif

COAP2_DEF int16_t coap2_call_send(coap2_call *call, coap2_reply_fn reply,
                                  void *user)
{
    coap2_node *node = call->node;
    coap2_writer *w = &call->w;
    coap2_exchange *e = coap2i_free_exchange(node);
    if (call->error != COAP2_OK) return call->error;
    if (w->error != COAP2_OK) return w->error;
    if (e == NULL || coap2i_packet(node, e) != w->start) return COAP2_ERR_FULL;
    if (w->start[1] == COAP2_000_EMPTY &&
        (!call->confirmable || call->peer.group))
        return COAP2_ERR_ARG; /* a ping asks one (4.3) */
    memset(e, 0, sizeof *e);
    e->peer = call->peer;
    e->deadline = call->deadline;
    if (e->deadline > INT32_MAX) e->deadline = INT32_MAX;
    e->patience = e->deadline;
    e->reply = reply;
    e->user = user;
    if (!call->confirmable || call->peer.group) w->start[0] |= COAP2_NON << 4;
    e->token_length = w->start[0] & 15u;
    memcpy(e->token, w->start + 4, e->token_length);
    e->handle = coap2i_new_handle(node);
#if COAP2_WITH_OBSERVE
    if (coap2i_asks_to_observe(w) && !e->peer.group)
        e->flags = COAP2I_OBSERVING;
#endif
    if (call->own_token) e->flags |= COAP2I_OWN_TOKEN;
#if COAP2_WITH_BLOCKS
    coap2i_begin_body(call, e, w);
    if (w->error != COAP2_OK) return w->error;
#endif
    e->length = (uint16_t)coap2_write_end(w);
    e->state = COAP2I_QUEUED;
    return e->handle;
}

#if COAP2_WITH_URI

COAP2_DEF int16_t coap2_request(coap2_node *node, uint8_t method,
                                const char *uri, const void *payload,
                                size_t length, coap2_reply_fn reply, void *user)
{
    coap2_call call;
    coap2_call_start(&call, node, method, uri);
    coap2_write_payload(&call.w, payload, length);
    return coap2_call_send(&call, reply, user);
}

#if COAP2I_FINDS

COAP2_DEF int16_t coap2_find(coap2_node *node, const char *what,
                             coap2_reply_fn reply, void *user)
{
    coap2_call call;
    coap2_call_find(&call, node, what);
    return coap2_call_send(&call, reply, user);
}

#endif

#if COAP2_WITH_OBSERVE

COAP2_DEF int16_t coap2_request_observe(coap2_node *node, const char *uri,
                                        coap2_reply_fn reply, void *user)
{
    coap2_call call;
    coap2_call_start(&call, node, COAP2_GET, uri);
    coap2_write_uint(&call.w, COAP2_OPT_OBSERVE, 0);
    return coap2_call_send(&call, reply, user);
}

#endif

#endif

#if COAP2I_SUBSCRIBES

COAP2_DEF void coap2_call_subscribe(coap2_call *call, const char *rule)
{
    uint8_t code[COAP2_RULE_SIZE];
    coap2_rule_fault fault;
    size_t length = strlen(rule);
    if (length > 255u)
        coap2i_fail(&call->w, COAP2_ERR_ARG);
    else if (coap2_rule_compile(rule, length, NULL, 0, code, sizeof code,
                                &fault) == COAP2_ERR_FORMAT)
        coap2i_fail(&call->w, COAP2_ERR_FORMAT);
    coap2_write_uint(&call->w, COAP2_OPT_OBSERVE, 0);
    coap2_write_opt(&call->w, COAP2_OPT_RULE, rule, length);
}

#if COAP2_WITH_URI

COAP2_DEF int16_t coap2_subscribe(coap2_node *node, const char *uri,
                                  const char *rule, coap2_reply_fn reply,
                                  void *user)
{
    coap2_call call;
    coap2_call_start(&call, node, COAP2_GET, uri);
    coap2_call_subscribe(&call, rule);
    return coap2_call_send(&call, reply, user);
}

#endif

#endif

static bool coap2i_is_con(const coap2_node *node, const coap2_exchange *e)
{
    return (coap2i_packet(node, e)[0] & 0x30u) == COAP2_CON << 4;
}

#if COAP2I_FINDS || COAP2I_SUBSCRIBES

/* The option of a request that waits in its slot. */
static bool coap2i_find_own(const coap2_node *node, const coap2_exchange *e,
                            uint16_t number, coap2_opt *opt)
{
    coap2_msg msg;
    return coap2_msg_parse(&msg, coap2i_packet(node, e), e->length) ==
               COAP2_OK &&
           coap2_msg_find(&msg, number, opt);
}

#endif

#if COAP2I_FINDS

/* The name of a request's host, as a hash; 0 if it has none. */
static uint32_t coap2i_own_name(const coap2_node *node, const coap2_exchange *e,
                                coap2_opt *host)
{
    if (!coap2i_find_own(node, e, COAP2_OPT_URI_HOST, host)) return 0;
    return coap2i_hash_name((const char *)host->value, host->length);
}

/* Is a request for a host whose address is not known? A transport with one peer
   has none. */
static bool coap2i_wants_place(const coap2_node *node, const coap2_exchange *e)
{
    coap2_opt host;
    return e->peer.kind == 0u && !e->peer.group &&
           coap2i_own_name(node, e, &host) != 0u;
}

#endif

/* What an answer was made of. */
typedef struct coap2i_news {
    const coap2_peer *from;
    const coap2_msg *msg;
    coap2_result result;
    bool more, last;
} coap2i_news;

static void coap2i_call_back(coap2_node *node, const coap2_exchange *told,
                             const coap2i_news *news)
{
    coap2_reply reply;
    bool inside = node->inside;
    if (!news->more && node->waited == told->handle) {
        node->waited = 0;
        node->waited_result = news->result;
    }
    if (told->reply == NULL) return;
    reply.node = node;
    reply.user = told->user;
    reply.peer = news->from != NULL ? news->from : &told->peer;
    reply.msg = news->msg;
    reply.request = told->handle;
    reply.result = news->result;
    reply.more = news->more;
#if COAP2I_SUBSCRIBES
    reply.reason = news->msg != NULL ? told->reason : (uint8_t)COAP2_QUIET;
#endif
#if COAP2_WITH_BLOCKS
    reply.last = news->last;
    reply.offset = told->body != NULL ? 0u : told->offset;
    reply.total = told->total;
#endif
    node->inside = true;
    told->reply(&reply);
    node->inside = inside;
}

/* Tell the caller what became of its request; with `more` it goes on. False if
   there is no such request any more. */
static bool coap2i_tell(coap2_node *node, coap2_exchange *e,
                        const coap2i_news *news)
{
    coap2_exchange told = *e;
    if (!news->more) e->state = COAP2I_FREE;
    coap2i_call_back(node, &told, news);
    return e->state != COAP2I_FREE && e->handle == told.handle;
}

static coap2i_news coap2i_failure(coap2_result result)
{
    coap2i_news news;
    memset(&news, 0, sizeof news);
    news.result = result;
    news.last = true;
    return news;
}

static void coap2i_end(coap2_node *node, coap2_exchange *e, coap2_result result)
{
    coap2i_news news = coap2i_failure(result);
    (void)coap2i_tell(node, e, &news);
}

static coap2_exchange *coap2i_find_call(coap2_node *node, int16_t request)
{
    coap2_exchange *e = coap2i_find_handle(node, request);
    return e != NULL && e->state >= COAP2I_QUEUED ? e : NULL;
}

COAP2_DEF coap2_result coap2_forget(coap2_node *node, int16_t request)
{
    coap2_exchange *e = coap2i_find_call(node, request);
    if (e == NULL) return COAP2_ERR_ARG;
    coap2i_end(node, e, COAP2_ERR_CANCELLED);
    return COAP2_OK;
}

COAP2_DEF coap2_result coap2_cancel(coap2_node *node, int16_t request)
{
#if COAP2_WITH_OBSERVE
    coap2_exchange *e = coap2i_find_call(node, request), told;
    coap2i_news news = coap2i_failure(COAP2_ERR_CANCELLED);
    if (e != NULL && (e->flags & COAP2I_WATCHES) != 0u) {
        told = *e;
        e->reply = NULL;
        e->handle = coap2i_new_handle(node);
        e->flags = COAP2I_UNOBSERVING;
        e->deadline = e->patience;
        e->state = COAP2I_QUEUED;
        coap2i_call_back(node, &told, &news);
        return COAP2_OK;
    }
#endif
    return coap2_forget(node, request);
}

/* How long the rate at which one may talk to who does not answer (4.7) asks for
   a pause after a request. */
static uint32_t coap2i_pause(const coap2_node *node, const coap2_exchange *x)
{
    uint32_t pause = 0, passed = node->time - x->sent;
    if (node->probing_rate != 0u && (x->flags & COAP2I_ANSWERED) == 0u)
        pause = (uint32_t)x->length * 1000u / node->probing_rate;
    return passed < pause ? pause - passed : 0u;
}

/* How long others to the same peer hold a request back: 0, milliseconds, or for
   as long as they take. No more than NSTART wait for an acknowledgement (4.7),
   and one that is not confirmable holds others back for its pause. */
static uint32_t coap2i_hold(const coap2_node *node, const coap2_exchange *e)
{
    const coap2_exchange *x = node->exchanges;
    uint8_t outstanding = 0;
    uint32_t hold = 0, pause;
#if COAP2I_FINDS
    bool wants = coap2i_wants_place(node, e);
    coap2_opt host;
#endif
    for (; x != node->exchanges + COAP2_MAX_EXCHANGES; x++) {
        if (x == e || x->state < COAP2I_ANSWERING ||
            x->state == COAP2I_WATCHING ||
            !coap2_peer_equals(&x->peer, &e->peer))
            continue;
#if COAP2I_FINDS
        if (coap2i_is_everywhere(&x->peer) || coap2i_is_everywhere(&e->peer))
            continue;
        if (wants && x->state == COAP2I_SEEKING &&
            coap2i_own_name(node, x, &host) == coap2i_own_name(node, e, &host))
            return COAP2_FOREVER;
        if (wants || x->state == COAP2I_SEEKING) continue;
#endif
        if (x->state == COAP2I_QUEUED) {
            if ((int16_t)((uint16_t)x->handle * 2u - (uint16_t)e->handle * 2u) <
                0)
                return COAP2_FOREVER;
        } else if (!coap2i_is_con(node, x)) {
            pause = coap2i_pause(node, x);
            if (pause > hold) hold = pause;
        } else if (x->state != COAP2I_WAITING) {
            outstanding++;
        }
    }
    return outstanding >= node->nstart ? COAP2_FOREVER : hold;
}

#if COAP2_WITH_ECHO || COAP2_WITH_OBSERVE || COAP2_WITH_BLOCKS

/* Is it an option of one step of a transfer, which the next step writes? */
static bool coap2i_is_of_step(const coap2_exchange *e, uint16_t number)
{
#if COAP2_WITH_BLOCKS
    if (number == COAP2_OPT_REQUEST_TAG) return e->pull_length != 0u;
#else
    (void)e;
#endif
#if COAP2I_SUBSCRIBES
    if (number == COAP2_OPT_RULE || number == COAP2_OPT_NOTIFICATION)
        return e->flags == COAP2I_UNOBSERVING;
#endif
    return number == COAP2_OPT_BLOCK1 || number == COAP2_OPT_BLOCK2 ||
           number == COAP2_OPT_SIZE1 || number == COAP2_OPT_OBSERVE;
}

/* Begin the packet of a request anew, with the options that it has; what it was
   is left in slot 0. The options of one step of a transfer are written by the
   next step, but where the step is repeated. */
static void coap2i_rewrite(coap2_node *node, coap2_exchange *e, coap2_writer *w,
                           coap2_msg *old, bool repeat)
{
    coap2_opt opt;
    memcpy(node->out, coap2i_packet(node, e), e->length);
    memset(old, 0, sizeof *old);
    (void)coap2_msg_parse(old, node->out, e->length);
    coap2_write_start(w, coap2i_packet(node, e), node->packet);
    coap2_write_header(w, old->type, old->code, 0, e->token, e->token_length);
    for (opt = old->options; coap2_opt_next(&opt);)
        if (opt.number != COAP2_OPT_ECHO &&
            (repeat || !coap2i_is_of_step(e, opt.number)))
            coap2_write_opt(w, opt.number, opt.value, opt.length);
}

#if COAP2_WITH_ECHO || COAP2_WITH_BLOCKS

/* A request takes another token for its next step, so that no late answer to
   the last one is taken for the next one's. One that was given stays. */
static void coap2i_renew_token(coap2_node *node, coap2_exchange *e)
{
    uint8_t token[8];
    if ((e->flags & COAP2I_OWN_TOKEN) != 0u) return;
    coap2i_new_token(node, token);
    memcpy(e->token, token, COAP2_TOKEN_LENGTH);
}

#endif

/* The packet is complete again, and takes its turn: COAP2_ERR_AGAIN, else it
   does not fit any more. */
static coap2_result coap2i_send_again(coap2_exchange *e, const coap2_writer *w)
{
    e->length = (uint16_t)coap2_write_end(w);
    e->deadline = e->patience;
    e->state = COAP2I_QUEUED;
    return w->error == COAP2_OK ? COAP2_ERR_AGAIN : COAP2_ERR_SPACE;
}

#endif

#if COAP2_WITH_OBSERVE

/* Was a request's body sent in blocks, so that this is not all of it? */
static bool coap2i_had_blocks(const coap2_msg *msg)
{
    coap2_opt block1;
    return coap2_msg_find(msg, COAP2_OPT_BLOCK1, &block1);
}

/* Ask to observe, or to observe no more, under the observation's token. */
static void coap2i_ask_to_observe(coap2_node *node, coap2_exchange *e,
                                  uint8_t number)
{
    coap2_writer w;
    coap2_msg old;
    e->token_length = e->watch_length;
    memcpy(e->token, e->watch, sizeof e->token);
    coap2i_rewrite(node, e, &w, &old, false);
    coap2_write_uint(&w, COAP2_OPT_OBSERVE, number);
#if COAP2I_SUBSCRIBES
    if (number != 0u && e->subscription != 0u)
        coap2_write_uint(&w, COAP2_OPT_NOTIFICATION, e->subscription);
#endif
#if COAP2_WITH_BLOCKS
    coap2i_write_szx(e, &w);
#endif
    if (!coap2i_had_blocks(&old))
        coap2_write_payload(&w, old.payload, old.payload_length);
    (void)coap2i_send_again(e, &w);
}

/* Nothing was heard for too long: the caller is told, and the server asked
   again (RFC 7641 3.3.1). A rule that is held here may want to know earlier. */
static void coap2i_watch_again(coap2_node *node, coap2_exchange *e)
{
    coap2i_news news = coap2i_failure(COAP2_ERR_TIMEOUT);
    bool stale = coap2i_is_past(node, &e->until);
    coap2_msg request;
    (void)coap2_msg_parse(&request, coap2i_packet(node, e), e->length);
    if (coap2i_had_blocks(&request)) { /* what it asked is not there any more */
        coap2i_end(node, e, COAP2_ERR_TIMEOUT);
        return;
    }
    /* a server that was silent for so long may have begun to count anew, and
       its answer may look like a notification */
    if (stale && !coap2i_is_con(node, e)) e->heard = node->time - 128001u;
    e->flags &= COAP2I_OWN_TOKEN + COAP2I_BY_SEARCH;
    e->flags |= COAP2I_OBSERVING | COAP2I_HEARD;
#if COAP2_WITH_BLOCKS
    e->offset = 0;
#endif
    coap2i_ask_to_observe(node, e, 0);
    news.more = true;
    if (stale) (void)coap2i_tell(node, e, &news);
}

#endif

/* Transmit a request for the first time. */
static void coap2i_begin_request(coap2_node *node, coap2_exchange *e)
{
    uint8_t *packet = coap2i_packet(node, e);
#if COAP2_WITH_OBSERVE
    if (e->flags == COAP2I_UNOBSERVING) coap2i_ask_to_observe(node, e, 1);
#endif
    e->id = coap2i_new_id(node);
    packet[2] = (uint8_t)(e->id >> 8);
    packet[3] = (uint8_t)e->id;
    e->tries = 0;
    e->sent = node->time;
    e->due = node->time;
    e->deadline += node->time;
    e->state = COAP2I_SENDING;
}

/* The next deadline of a request: its own, or that of its transmission. */
static void coap2i_bound_due(coap2_exchange *e)
{
    if ((int32_t)(e->deadline - e->due) < 0) e->due = e->deadline;
}

#if COAP2I_FINDS

/* ---- requests by name ---- */

/* A request without an address waits for one: that its host is known for, or
   that a search will find. */
static void coap2i_begin_search(coap2_node *node, coap2_exchange *e)
{
    uint8_t token[8];
    coap2_opt host;
    coap2_place *place =
        coap2i_known_name(node, coap2i_own_name(node, e, &host));
    if (place != NULL) {
        coap2i_set_place(&e->peer, &place->peer);
        e->flags |= COAP2I_BY_SEARCH;
        return;
    }
    coap2i_new_token(node, token);
    memcpy(e->token, token, COAP2_TOKEN_LENGTH);
    e->token_length = COAP2_TOKEN_LENGTH;
    e->id = coap2i_new_id(node);
    e->tries = 0;
    e->due = node->time;
    e->deadline = node->time + node->leisure + node->ack_timeout +
                  (uint32_t)COAP2I_SEARCH_MS;
    e->state = COAP2I_SEEKING;
}

/* Send a search for a request's host, and another one after a while, as either
   it or its answer may be lost. */
static void coap2i_run_search(coap2_node *node, coap2_exchange *e)
{
    coap2_writer w;
    coap2_peer everywhere;
    coap2_opt host;
    if (coap2i_is_past(node, &e->deadline)) {
        coap2i_end(node, e,
                   (e->flags & COAP2I_SOUGHT_AGAIN) != 0u ? COAP2_ERR_TIMEOUT
                                                          : COAP2_ERR_NAME);
        return;
    }
    if (e->tries != 0u) e->id = coap2i_new_id(node);
    (void)coap2i_own_name(node, e, &host);
    memset(&everywhere, 0, sizeof everywhere);
    everywhere.group = true;
    everywhere.port = 5683;
    coap2_write_start(&w, node->out, node->packet);
    coap2_write_header(&w, COAP2_NON, COAP2_001_GET, e->id, e->token,
                       e->token_length);
    coap2i_write_search(&w, host.value, host.length);
    e->due = node->time;
    if (coap2i_transmit(node, &everywhere, w.start, coap2_write_end(&w)) ==
        COAP2_ERR_AGAIN)
        return;
    e->due = e->deadline;
    if (++e->tries < 2u) e->due = node->time + node->ack_timeout;
    coap2i_bound_due(e);
}

/* Has nothing come from where a search found a request's host? */
static bool coap2i_is_lost(const coap2_node *node, const coap2_exchange *e,
                           bool safe)
{
    uint8_t tries = node->max_retransmit;
    if ((e->flags & (COAP2I_BY_SEARCH | COAP2I_SOUGHT_AGAIN)) !=
        COAP2I_BY_SEARCH)
        return false;
    if (e->state == COAP2I_WAITING && coap2i_is_con(node, e)) return false;
    if (safe && tries > 2u) tries = 2;
    return coap2i_is_past(node, &e->deadline) ||
           (e->state == COAP2I_SENDING && e->tries > tries);
}

/* A host that was found once and does not answer may have moved: it is
   forgotten, and looked for again where asking twice does nothing. */
static bool coap2i_search_again(coap2_node *node, coap2_exchange *e)
{
    uint8_t code = coap2i_packet(node, e)[1];
    bool safe = code == COAP2_001_GET || code == COAP2_005_FETCH;
    coap2_place *place;
    coap2_opt host;
    uint16_t port = 5683;
    if (!coap2i_is_lost(node, e, safe)) return false;
    place = coap2i_known_name(node, coap2i_own_name(node, e, &host));
    if (place != NULL && place->peer.port != e->peer.port) port = e->peer.port;
    if (place != NULL) place->used = false;
    if (!safe) return false;
    e->flags |= COAP2I_SOUGHT_AGAIN;
    memset(&e->peer, 0, sizeof e->peer);
    e->peer.port = port;
    e->deadline = e->patience;
    e->state = COAP2I_QUEUED;
    return true;
}

/* An answer to a search: if the host it is, the request goes there. */
static void coap2i_take_place(coap2_node *node, coap2_exchange *e,
                              const coap2_peer *from, const coap2_msg *msg)
{
    uint8_t *packet = coap2i_packet(node, e), token[8];
    coap2_opt host, name;
    uint32_t hash = coap2i_own_name(node, e, &host);
    if (msg->code != COAP2_205_CONTENT ||
        !coap2_msg_find(msg, COAP2_OPT_DISCOVERY, &name) ||
        !coap2i_same_name((const char *)name.value, name.length,
                          (const char *)host.value, host.length))
        return;
    coap2i_keep_name(node, hash, from, e->handle);
    coap2i_set_place(&e->peer, from);
    /* what is late and answers the search does not answer the request */
    if ((e->flags & COAP2I_OWN_TOKEN) == 0u) {
        coap2i_new_token(node, token);
        memcpy(packet + 4, token, COAP2_TOKEN_LENGTH);
    }
    e->token_length = packet[0] & 15u;
    memcpy(e->token, packet + 4, e->token_length);
    e->flags |= COAP2I_BY_SEARCH;
    e->deadline = e->patience;
    e->state = COAP2I_QUEUED;
}

/* ---- searches ---- */

static uint32_t coap2i_hash_peer(const coap2_peer *peer)
{
    uint32_t hash = coap2i_mix(COAP2I_HASH_START, peer->kind);
    size_t i;
    hash = coap2i_mix(hash, (uint8_t)peer->port);
    hash = coap2i_mix(hash, (uint8_t)(peer->port >> 8));
    for (i = 0; i < sizeof peer->address; i++)
        hash = coap2i_mix(hash, peer->address[i]);
#if COAP2_ADDRESS_SIZE >= 16
    for (i = 0; i < 4u; i++)
        hash = coap2i_mix(hash, (uint8_t)(peer->scope >> i * 8u));
#endif
    return hash;
}

/* Is a node found for the first time? Hashes of those that were stand behind
   the request, as many as its slot can hold. */
static bool coap2i_is_new(const coap2_node *node, coap2_exchange *e,
                          const coap2_peer *from)
{
    uint8_t *list = coap2i_packet(node, e) + e->length;
    size_t most = (node->packet - e->length) / 4u, i;
    uint32_t hash = coap2i_hash_peer(from);
    const uint8_t *mark = (const uint8_t *)&hash;
    for (i = 0; i < e->found; i++)
        if (memcmp(list + i * 4u, mark, 4) == 0) return false;
    if (i == most) return true;
    memcpy(list + i * 4u, mark, 4);
    e->found++;
    return true;
}

/* Does a node that knows no searches offer a path of a list? */
static bool coap2i_offers(const coap2_msg *msg, const coap2_opt *what)
{
    coap2_link link =
        coap2_links((const char *)msg->payload, msg->payload_length);
    coap2i_path path;
    path.in_flash = false;
    while (coap2_link_next(&link)) {
        path.text = link.target;
        path.length = link.target_length;
        if (coap2i_list_has((const char *)what->value, what->length, &path))
            return true;
    }
    return false;
}

/* Is what answers a search what it looks for? */
static bool coap2i_is_found(coap2_node *node, coap2_exchange *e,
                            const coap2_peer *from, const coap2_msg *msg)
{
    coap2_opt what, name;
    uint8_t kind;
    if (!coap2i_find_own(node, e, COAP2_OPT_DISCOVERY, &what)) return true;
    if (msg->code != COAP2_205_CONTENT) return false;
    kind = coap2i_search_kind((const char *)what.value, what.length);
    if (!coap2_msg_find(msg, COAP2_OPT_DISCOVERY, &name)) {
        if (kind == COAP2I_NAMED ||
            (kind == COAP2I_LISTED && !coap2i_offers(msg, &what)))
            return false;
    } else {
        if (kind == COAP2I_NAMED &&
            !coap2i_same_name((const char *)what.value, what.length,
                              (const char *)name.value, name.length))
            return false;
        if (name.length != 0u)
            coap2i_keep_name(
                node, coap2i_hash_name((const char *)name.value, name.length),
                from, e->handle);
    }
    return coap2i_is_new(node, e, from);
}

#endif

/* Something is due for a request that was begun. */
static void coap2i_run_request(coap2_node *node, coap2_exchange *e)
{
    coap2_result result;
#if COAP2_WITH_OBSERVE
    if (e->state == COAP2I_WATCHING) {
        coap2i_watch_again(node, e);
        return;
    }
#endif
#if COAP2I_FINDS
    if (e->state == COAP2I_SEEKING) {
        coap2i_run_search(node, e);
        return;
    }
    if (coap2i_search_again(node, e)) return;
#endif
    if (coap2i_is_past(node, &e->deadline) || e->tries > node->max_retransmit) {
        coap2i_end(node, e, COAP2_ERR_TIMEOUT);
        return;
    }
    result = coap2i_transmit_con(node, e);
    if (result == COAP2_OK && !coap2i_is_con(node, e)) {
        e->state = COAP2I_WAITING;
        e->due = e->deadline;
#if COAP2I_FINDS
        if (coap2i_is_everywhere(&e->peer) && e->tries < 2u)
            e->due = node->time + node->ack_timeout; /* a second copy (4.3) */
#endif
    }
    coap2i_bound_due(e);
    if (result == COAP2_OK || result == COAP2_ERR_AGAIN) return;
#if COAP2I_FINDS
    e->deadline = node->time; /* nothing will come from there */
    if (coap2i_search_again(node, e)) return;
#endif
    coap2i_end(node, e, result);
}

/* Is it the token of a request, or of the observation that it began? */
static bool coap2i_has_token(const coap2_exchange *e, const coap2_msg *msg)
{
#if COAP2_WITH_OBSERVE
    if ((e->flags & COAP2I_WATCHES) != 0u &&
        e->watch_length == msg->token_length &&
        memcmp(e->watch, msg->token, msg->token_length) == 0)
        return true;
#endif
    return e->state >= COAP2I_SENDING && e->state != COAP2I_WATCHING &&
           e->token_length == msg->token_length &&
           memcmp(e->token, msg->token, msg->token_length) == 0;
}

/* The request that an answer is for. */
static coap2_exchange *coap2i_find_request(coap2_node *node,
                                           const coap2_peer *from,
                                           const coap2_msg *msg)
{
    coap2_exchange *e = node->exchanges;
    for (; e != node->exchanges + COAP2_MAX_EXCHANGES; e++) {
        if (e->state < COAP2I_QUEUED || !coap2i_has_token(e, msg)) continue;
#if COAP2I_FINDS
        if (e->state == COAP2I_SEEKING) {
            if (msg->type != COAP2_ACK) return e;
            continue;
        }
#endif
        if (msg->type == COAP2_ACK &&
            (e->state == COAP2I_WATCHING || e->id != msg->id ||
             !coap2i_is_con(node, e)))
            continue;
        if (coap2i_packet(node, e)[1] == COAP2_000_EMPTY) continue;
        if (e->peer.group ? msg->type != COAP2_ACK
                          : coap2_peer_equals(&e->peer, from))
            return e;
    }
    return NULL;
}

/* Critical options that no answer may have (5.4.1). Those of block-wise
   transfers are left to the caller. */
static bool coap2i_answer_is_bad(const coap2_msg *msg)
{
    coap2_opt opt;
    if (COAP2_CODE_CLASS(msg->code) == 3u) return true; /* reserved (3) */
    coap2i_rewind(&opt, msg);
    while (coap2_opt_next(&opt)) {
        if (!COAP2_OPT_IS_CRITICAL(opt.number)) continue;
        if (opt.number != COAP2_OPT_BLOCK1 && opt.number != COAP2_OPT_BLOCK2)
            return true;
        if (opt.length > 3u) return true;
    }
    return false;
}

#if COAP2_WITH_ECHO

/* The server wants to see that we are where we say: the request is sent once
   more, as a new one, with what it gave us (RFC 9175 2.3). */
static bool coap2i_echo(coap2_node *node, coap2_exchange *e,
                        const coap2_msg *msg)
{
    coap2_writer w;
    coap2_msg old;
    uint32_t left;
    coap2_result result;
    coap2_opt echo;
    if (msg->code != COAP2_401_UNAUTHORIZED || e->peer.group ||
        (e->flags & COAP2I_ECHOED) != 0u ||
        !coap2_msg_find(msg, COAP2_OPT_ECHO, &echo) || echo.length == 0u ||
        echo.length > 40u || e->length + echo.length + 5u > node->packet)
        return false;
    e->flags |= COAP2I_ECHOED;
    coap2i_renew_token(node, e);
    coap2i_rewrite(node, e, &w, &old, true);
    coap2_write_opt(&w, COAP2_OPT_ECHO, echo.value, echo.length);
    coap2_write_payload(&w, old.payload, old.payload_length);
    left = e->deadline - node->time;
    result = coap2i_send_again(e, &w);
    e->deadline = left;
    return result == COAP2_ERR_AGAIN;
}

#endif

#if COAP2_WITH_BLOCKS

/* Begin the packet of a transfer's next step. */
static void coap2i_next_step(coap2_node *node, coap2_exchange *e,
                             coap2_writer *w, coap2_msg *old)
{
    e->flags &= (uint16_t) ~(unsigned)COAP2I_ECHOED;
    coap2i_renew_token(node, e);
    coap2i_rewrite(node, e, w, old, false);
}

/* The next piece of a request's body, if the answer asks for one: 2.31, another
   2.xx of a server that acts on each piece, or 4.13 with a smaller size (RFC
   7959 2.3, 2.5, 2.9.3). COAP2_ERR_AGAIN: it goes out; COAP2_OK: this is the
   answer. */
static coap2_result coap2i_push(coap2_node *node, coap2_exchange *e,
                                const coap2_msg *msg)
{
    uint32_t next = e->offset + coap2i_block_size(e->szx);
    coap2_block block;
    coap2_writer w;
    coap2_msg old;
    coap2_opt opt;
    bool said = e->pull != NULL &&
                coap2_msg_find(msg, COAP2_OPT_BLOCK1, &opt) &&
                coap2_block_read(&block, &opt) == COAP2_OK &&
                block.szx <= e->szx && block.number == e->offset >> e->szx >> 4;
    if (said && COAP2_CODE_CLASS(msg->code) == 2u && next < e->pull_length)
        e->offset = next;
    else if (msg->code == COAP2_231_CONTINUE)
        return COAP2_ERR_FORMAT;
    else if (!said || msg->code != COAP2_413_REQUEST_ENTITY_TOO_LARGE ||
             e->offset != 0u || block.szx == e->szx)
        return COAP2_OK;
    e->szx = block.szx;
    coap2i_next_step(node, e, &w, &old);
    coap2i_write_szx(e, &w);
    coap2i_write_piece(e, &w);
    return coap2i_send_again(e, &w);
}

/* Ask for the block at e->offset. What a FETCH asks is asked again; of other
   methods the body is not sent twice (RFC 7959 2.7). */
static coap2_result coap2i_ask_block(coap2_node *node, coap2_exchange *e)
{
    coap2_block block;
    coap2_writer w;
    coap2_opt pushed;
    coap2_msg old;
    coap2i_next_step(node, e, &w, &old);
    if (coap2_block_set(&block, e->offset, e->szx, false) != COAP2_OK)
        return COAP2_ERR_FORMAT;
    coap2_write_block(&w, COAP2_OPT_BLOCK2, &block);
    if (old.code == COAP2_005_FETCH &&
        !coap2_msg_find(&old, COAP2_OPT_BLOCK1, &pushed))
        coap2_write_payload(&w, old.payload, old.payload_length);
    return coap2i_send_again(e, &w);
}

/* Is it the body whose first block we have? The first one sets what it is. */
static bool coap2i_same_body(coap2_exchange *e, const coap2_msg *msg)
{
    coap2_opt opt;
    bool tagged = coap2_msg_find(msg, COAP2_OPT_ETAG, &opt) && opt.length <= 8u;
    if (e->offset != 0u)
        return tagged ? e->etag_length == opt.length &&
                            memcmp(e->etag, opt.value, opt.length) == 0
                      : e->etag_length == 0u;
    e->etag_length = 0;
    if (tagged) {
        e->etag_length = (uint8_t)opt.length;
        memcpy(e->etag, opt.value, opt.length);
    }
    e->total = 0;
    if (coap2_msg_find(msg, COAP2_OPT_SIZE2, &opt))
        (void)coap2_opt_uint(&opt, &e->total);
    return true;
}

/* The body has changed while it was read: once more from its beginning, but not
   for ever, and only where asking again does nothing. */
static coap2_result coap2i_restart_body(coap2_node *node, coap2_exchange *e)
{
    uint8_t code = coap2i_packet(node, e)[1];
    e->offset = 0;
    if (code != COAP2_001_GET &&
        (code != COAP2_005_FETCH || e->pull_length != 0u))
        return COAP2_ERR_FORMAT;
    if (++e->restarts > 3u) return COAP2_ERR_FORMAT;
    return coap2i_ask_block(node, e);
}

/* Put a piece into the caller's buffer. */
static bool coap2i_keep_piece(coap2_exchange *e, const coap2_msg *msg)
{
    if (e->body == NULL) return true;
    if (e->offset > e->body_size ||
        msg->payload_length > e->body_size - e->offset)
        return false;
    memcpy(e->body + e->offset, msg->payload, msg->payload_length);
    return true;
}

/* A body that is larger than one answer comes in blocks (RFC 7959 2.4). What
   the server says of them must fit what was asked, so that nothing goes on for
   ever. COAP2_ERR_AGAIN: the next one is asked for; COAP2_OK: this is the
   answer, or the end of it. */
static coap2_result coap2i_pull(coap2_node *node, coap2_exchange *e,
                                coap2i_news *news)
{
    const coap2_msg *msg = news->msg;
    coap2_block block;
    coap2_opt opt;
    size_t size;
    if (e->pull != NULL) { /* all that was to be sent is answered */
        e->pull = NULL;
        e->offset = 0;
        e->szx = e->most_szx;
    }
    if (COAP2_CODE_CLASS(msg->code) != 2u) {
        /* it became shorter than the part that we have */
        bool shorter = msg->code == COAP2_400_BAD_REQUEST && e->offset != 0u;
        e->offset = 0;
        if (shorter && coap2i_restart_body(node, e) == COAP2_ERR_AGAIN)
            return COAP2_ERR_AGAIN;
        return COAP2_OK;
    }
    if (!coap2_msg_find(msg, COAP2_OPT_BLOCK2, &opt))
        return e->offset == 0u ? COAP2_OK : COAP2_ERR_FORMAT;
    if (coap2_block_read(&block, &opt) != COAP2_OK) return COAP2_ERR_FORMAT;
    size = coap2i_block_size(block.szx);
    if (block.szx > e->szx || coap2i_block_at(&block) != e->offset ||
        msg->payload_length > size ||
        (block.more && msg->payload_length < size))
        return COAP2_ERR_FORMAT;
    e->szx = block.szx;
    if (!coap2i_same_body(e, msg)) return coap2i_restart_body(node, e);
    if (!coap2i_keep_piece(e, msg)) return COAP2_ERR_SPACE;
    if (!block.more) return COAP2_OK;
    news->last = false;
    news->more = true;
    if (e->body == NULL && !coap2i_tell(node, e, news)) return COAP2_ERR_AGAIN;
    e->offset += (uint32_t)msg->payload_length;
    return coap2i_ask_block(node, e);
}

#endif

#if COAP2_WITH_OBSERVE

/* How long an answer may be taken for fresh, in ms: 60 s where it does not say
   (5.10.5), and no longer than a clock that wraps can tell. */
static uint32_t coap2i_freshness(const coap2_msg *msg)
{
    uint32_t seconds = 60;
    coap2_opt opt;
    if (coap2_msg_find(msg, COAP2_OPT_MAX_AGE, &opt))
        (void)coap2_opt_uint(&opt, &seconds);
    if (seconds > 2000000u) seconds = 2000000u;
    return seconds * 1000u;
}

/* Has another notification overtaken this one (RFC 7641 3.4)? */
static bool coap2i_is_stale(const coap2_node *node, const coap2_exchange *e,
                            uint32_t sequence)
{
    uint32_t ahead = (sequence - e->sequence) & 0xffffffu;
    return (e->flags & COAP2I_HEARD) != 0u &&
           node->time - e->heard <= 128000u &&
           (ahead == 0u || ahead >= 0x800000u);
}

#if COAP2I_SUBSCRIBES

static void coap2i_set_payload(coap2_payload *payload, const coap2_msg *msg)
{
    coap2_opt opt;
    uint32_t format;
    payload->bytes = msg->payload;
    payload->length = msg->payload_length;
    payload->format = COAP2_NO_FORMAT;
    if (coap2_msg_find(msg, COAP2_OPT_CONTENT_FORMAT, &opt) &&
        coap2_opt_uint(&opt, &format))
        payload->format = (uint16_t)format;
}

/* Hold a rule against what a server sends that does not know rules. */
static void coap2i_hold_rule(coap2_node *node, coap2_exchange *e,
                             const uint8_t *rule, const coap2_msg *msg,
                             bool first, bool asked)
{
    uint32_t seen = COAP2I_HASH_START, rest;
    coap2_payload payload;
    size_t i;
    coap2i_set_payload(&payload, msg);
    for (i = 0; i < payload.length; i++)
        seen = coap2i_mix(seen, payload.bytes[i]);
    if (first) {
        coap2_trigger_begin(&e->trigger, rule, coap2_look_payload, &payload,
                            node->time);
        e->reason = COAP2_FIRST;
    } else if (asked && seen == e->seen) {
        e->reason = coap2_trigger_time(&e->trigger, rule, coap2_look_payload,
                                       &payload, node->time);
    } else {
        e->reason = coap2_trigger_change(&e->trigger, rule, coap2_look_payload,
                                         &payload, node->time);
    }
    e->seen = seen;
    rest = coap2_trigger_due(&e->trigger, rule, node->time);
    if (rest < e->until - node->time) e->wake = node->time + rest;
}

/* What a notification is to a subscriber; `asked` tells that it answers a
   request, `first` that nothing came before. False if it is not to be told. An
   id proves that the server knows the rule. */
static bool coap2i_judge_news(coap2_node *node, coap2_exchange *e,
                              const coap2_msg *msg, bool first, bool asked)
{
    uint8_t code[COAP2_RULE_SIZE];
    coap2_rule_fault fault;
    coap2_opt rule, opt;
    uint32_t id;
    e->reason = COAP2_QUIET;
    e->wake = e->until;
    if (!coap2i_find_own(node, e, COAP2_OPT_RULE, &rule)) {
        if (!coap2i_find_own(node, e, COAP2_OPT_NOTIFICATION, &opt))
            return true;
        rule.length = 0;
    }
    if (coap2_msg_find(msg, COAP2_OPT_NOTIFICATION, &opt) &&
        coap2_opt_uint(&opt, &id) && id != 0u) {
        e->subscription = id;
        e->reason = asked ? COAP2_FIRST : COAP2_PERIOD;
        if (coap2_msg_find(msg, COAP2_OPT_RULE, &opt)) e->reason = COAP2_MATCH;
        return true;
    }
    if (e->subscription != 0u) first = true;
    e->subscription = 0;
    if (coap2_rule_compile((const char *)rule.value, rule.length, NULL, 0, code,
                           sizeof code, &fault) < 0)
        return true;
    coap2i_hold_rule(node, e, code, msg, first, asked);
    return e->reason != COAP2_QUIET;
}

#endif

/* Is it a block from the middle of a notification's body? Those come under
   tokens of their own, without Observe (RFC 7959 2.6). */
static bool coap2i_is_middle(const coap2_exchange *e, const coap2_msg *msg)
{
#if COAP2_WITH_BLOCKS
    return e->watch_length != msg->token_length ||
           memcmp(e->watch, msg->token, e->watch_length) != 0;
#else
    (void)e;
    (void)msg;
    return false;
#endif
}

/* Nothing is to be told: wait for the next notification. */
static void coap2i_watch(coap2_exchange *e)
{
    e->state = COAP2I_WATCHING;
#if COAP2I_SUBSCRIBES
    e->due = e->wake;
#else
    e->due = e->until;
#endif
}

/* What an answer says about an observation. False if it is not to be told. */
static bool coap2i_take_notification(coap2_node *node, coap2_exchange *e,
                                     const coap2_msg *msg, bool *observed)
{
    coap2_opt opt;
    uint32_t sequence = 0;
#if COAP2I_SUBSCRIBES
    bool first = (e->flags & COAP2I_HEARD) == 0u;
    bool asked = e->state != COAP2I_WATCHING &&
                 e->token_length == msg->token_length &&
                 memcmp(e->token, msg->token, msg->token_length) == 0;
#endif
    *observed = false;
    if ((e->flags & COAP2I_OBSERVING) == 0u ||
        COAP2_CODE_CLASS(msg->code) != 2u ||
        !coap2_msg_find(msg, COAP2_OPT_OBSERVE, &opt) || opt.length > 3u) {
#if COAP2I_SUBSCRIBES
        if (!coap2i_is_middle(e, msg)) e->reason = COAP2_QUIET;
#endif
        return true;
    }
    (void)coap2_opt_uint(&opt, &sequence);
    if (msg->type != COAP2_ACK && coap2i_is_stale(node, e, sequence))
        return false;
    if ((e->flags & COAP2I_WATCHES) == 0u) {
        e->watch_length = msg->token_length;
        memcpy(e->watch, msg->token, msg->token_length);
    }
    e->flags |= COAP2I_WATCHES | COAP2I_HEARD;
    e->sequence = sequence;
    e->heard = node->time;
    e->until = node->time + coap2i_freshness(msg) + 5000u +
               coap2i_chance_to(node, 10000);
#if COAP2_WITH_BLOCKS
    e->offset = 0;
    e->szx = e->most_szx;
    e->restarts = 0;
#endif
    *observed = true;
#if COAP2I_SUBSCRIBES
    if (!coap2i_judge_news(node, e, msg, first, asked)) {
        coap2i_watch(e);
        return false;
    }
#endif
    return true;
}

#endif

/* Acknowledge an answer, and remember it, or reject it. */
static void coap2i_confirm(coap2_node *node, const coap2_peer *from,
                           const coap2_msg *msg, coap2_result result)
{
    if (msg->type == COAP2_ACK) return;
    if (result != COAP2_OK) {
        coap2i_reject(node, from, msg);
        return;
    }
    if (msg->type == COAP2_CON)
        coap2i_send_empty(node, from, COAP2_ACK, msg->id);
    (void)coap2i_remember(node, from, msg, NULL);
}

/* The answer of a request, all of it: tell the caller. */
static void coap2i_complete(coap2_node *node, coap2_exchange *e,
                            const coap2i_news *answer)
{
    coap2i_news news = *answer;
    coap2_msg whole;
#if COAP2_WITH_BLOCKS
    if (news.msg == NULL) return;
    if (news.result == COAP2_OK && e->body != NULL && e->offset != 0u &&
        COAP2_CODE_CLASS(news.msg->code) == 2u) {
        whole = *news.msg;
        whole.payload = e->body;
        whole.payload_length += (size_t)e->offset;
        news.msg = &whole;
    }
#else
    (void)whole;
#endif
    news.last = true;
    news.more = e->peer.group;
    if (news.result != COAP2_OK) news.msg = NULL;
#if COAP2_WITH_OBSERVE
    if ((e->flags & COAP2I_WATCHES) != 0u && news.result == COAP2_OK &&
        COAP2_CODE_CLASS(news.msg->code) == 2u) {
        coap2i_watch(e);
        news.more = true;
    }
#endif
    (void)coap2i_tell(node, e, &news);
}

#if COAP2_WITH_BLOCKS

/* An answer did not fit node.in: ask for blocks that do, if that is not what we
   did already, and if asking again does nothing. */
static bool coap2i_ask_smaller(coap2_node *node, coap2_exchange *e)
{
    uint8_t code = coap2i_packet(node, e)[1], szx;
    if ((code != COAP2_001_GET && code != COAP2_005_FETCH) || e->peer.group ||
        e->pull_length != 0u || node->in_size < 64u)
        return false;
    szx = coap2i_fit_szx(node->in_size - 48u, e->szx);
    if (szx == e->szx) return false;
    e->szx = e->most_szx = szx;
    return coap2i_ask_block(node, e) == COAP2_ERR_AGAIN;
}

#endif

/* An answer that nobody asked for; a notification is told so in any case, which
   ends the observation (RFC 7641 3.6). */
static void coap2i_refuse_answer(coap2_node *node, const coap2_peer *from,
                                 const coap2_msg *msg)
{
    coap2_opt opt;
    if (msg->type == COAP2_NON && !from->group &&
        coap2_msg_find(msg, COAP2_OPT_OBSERVE, &opt))
        coap2i_send_empty(node, from, COAP2_RST, msg->id);
    else if (msg->type != COAP2_ACK)
        coap2i_reject(node, from, msg);
}

/* Does a request search, so that of its answers the beginning will do? */
static bool coap2i_is_search(const coap2_node *node, const coap2_exchange *e)
{
#if COAP2I_FINDS
    coap2_opt what;
    return e->peer.group &&
           coap2i_find_own(node, e, COAP2_OPT_DISCOVERY, &what);
#else
    (void)node;
    (void)e;
    return false;
#endif
}

/* An answer that nobody has seen before. */
static void coap2i_answered(coap2_node *node, const coap2_peer *from,
                            const coap2_msg *msg, bool cut)
{
    coap2_exchange *e = coap2i_find_request(node, from, msg);
    coap2i_news news = coap2i_failure(COAP2_OK);
#if COAP2_WITH_OBSERVE
    bool observed = false;
#endif
    if (e == NULL) {
        coap2i_refuse_answer(node, from, msg);
        return;
    }
    news.from = from;
    news.msg = msg;
    if (cut && !coap2i_is_search(node, e))
        news.result = COAP2_ERR_SPACE;
    else if (coap2i_answer_is_bad(msg))
        news.result = COAP2_ERR_FORMAT;
#if COAP2I_FINDS
    if (e->state == COAP2I_SEEKING) {
        coap2i_confirm(node, from, msg, COAP2_OK);
        coap2i_take_place(node, e, from, msg);
        return;
    }
#endif
    coap2i_confirm(node, from, msg, news.result);
    if (e->peer.group && news.result != COAP2_OK) return;
#if COAP2I_FINDS
    if (e->peer.group && !coap2i_is_found(node, e, from, msg)) return;
#endif
#if COAP2_WITH_OBSERVE
    if ((e->flags & COAP2I_UNOBSERVING) != 0u) {
        e->state = COAP2I_FREE;
        return;
    }
#endif
#if COAP2_WITH_BLOCKS
    if (cut && coap2i_ask_smaller(node, e)) return;
#endif
    e->flags |= COAP2I_ANSWERED;
    e->flags &= (uint16_t) ~(unsigned)COAP2I_SOUGHT_AGAIN;
#if COAP2_WITH_ECHO
    if (news.result == COAP2_OK && coap2i_echo(node, e, msg)) return;
#endif
#if COAP2_WITH_OBSERVE
    if (news.result == COAP2_OK &&
        !coap2i_take_notification(node, e, msg, &observed))
        return;
    if (!observed && !coap2i_is_middle(e, msg))
        e->flags &= (uint16_t) ~(unsigned)COAP2I_WATCHES;
#endif
#if COAP2_WITH_BLOCKS
    if (news.result == COAP2_OK && !e->peer.group) {
        news.result = coap2i_push(node, e, msg);
        if (news.result == COAP2_OK) news.result = coap2i_pull(node, e, &news);
        if (news.result == COAP2_ERR_AGAIN) return;
    }
#endif
    coap2i_complete(node, e, &news);
}

#endif /* COAP2_WITH_CLIENT */

/* ---- >>node: time goes by, a datagram comes in -----------------------------
   Connects the rooms: what a message is, and whose turn it is. */

#if COAP2_WITH_SERVER || COAP2_WITH_CLIENT

/* An Empty message in an ACK or RST (4.2, 4.3). */
static void coap2i_acknowledged(coap2_node *node, const coap2_peer *from,
                                const coap2_msg *msg)
{
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER
    coap2_exchange *e =
        coap2i_find_id(node, from, msg->id, COAP2I_ANSWERING, COAP2I_WAITING);
#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE
    coap2i_observer_heard(node, from, msg);
#endif
    if (e == NULL || e->tries == 0u) return; /* it has not left yet */
    if (e->state == COAP2I_ANSWERING) {
        e->state = COAP2I_FREE;
        return;
    }
#if COAP2_WITH_CLIENT
    if (coap2i_packet(node, e)[1] == COAP2_000_EMPTY) {
        coap2i_end(node, e, COAP2_OK);
    } else if (msg->type == COAP2_RST) {
        coap2i_end(node, e, COAP2_ERR_RESET);
    } else if (coap2i_is_con(node, e)) {
        e->state = COAP2I_WAITING;
        e->due = e->deadline;
    }
#endif
#elif COAP2_WITH_SERVER && COAP2_WITH_OBSERVE
    coap2i_observer_heard(node, from, msg);
#else
    (void)node;
    (void)from;
    (void)msg;
#endif
}

/* A request was cut because `in` is too small; a client that sends blocks is
   told which size will do (RFC 7959 2.9.3). */
static void coap2i_refuse_cut(coap2_node *node, const coap2_peer *from,
                              const coap2_msg *msg)
{
    coap2_writer w;
#if COAP2_WITH_BLOCKS
    coap2_block block;
    coap2_opt opt;
#endif
    coap2i_open_reply(node, &w, msg, COAP2_413_REQUEST_ENTITY_TOO_LARGE);
#if COAP2_WITH_BLOCKS
    if (coap2_msg_find(msg, COAP2_OPT_BLOCK1, &opt) &&
        coap2_block_read(&block, &opt) == COAP2_OK && block.number == 0u) {
        size_t header = (size_t)(msg->payload - msg->token) + 4u;
        if (header < node->in_size)
            block.szx = coap2i_fit_szx(node->in_size - header, block.szx);
        coap2_write_block(&w, COAP2_OPT_BLOCK1, &block);
    }
#endif
    coap2i_send(node, from, w.start, coap2_write_end(&w));
}

/* A request or an answer, well-formed as far as it goes. What there is of a
   request that was cut because `in` is too small is good for a 4.13. */
static void coap2i_handle(coap2_node *node, const coap2_peer *from,
                          const coap2_msg *msg, bool cut)
{
    bool request = msg->code < COAP2_CODE(1, 0);
    if (request && msg->type == COAP2_ACK) return;
    if (request && cut) {
        if (!from->group) coap2i_refuse_cut(node, from, msg);
        return;
    }
#if COAP2_WITH_SERVER && COAP2_WITH_BLOCKS && COAP2_MAX_UPLOADS
    if (request && msg->type == COAP2_CON && coap2i_is_kept(node, from, msg)) {
        coap2i_serve(node, from, msg);
        return;
    }
#endif
    if (msg->type != COAP2_ACK && coap2i_repeat(node, from, msg)) return;
#if COAP2_WITH_SERVER
    if (request) {
        coap2i_serve(node, from, msg);
        return;
    }
#endif
#if COAP2_WITH_CLIENT
    if (!request) {
        coap2i_answered(node, from, msg, cut);
        return;
    }
#endif
#if !COAP2_WITH_SERVER || !COAP2_WITH_CLIENT
    coap2i_reject(node, from, msg);
#endif
}

/* Here a datagram arrives. */
static void coap2i_receive(coap2_node *node, const coap2_peer *from,
                           const uint8_t *bytes, size_t length, bool cut)
{
    coap2_msg msg;
    coap2_result result = coap2_msg_parse(&msg, bytes, length);
    uint8_t code_class;
    if (length < 4u || result == COAP2_ERR_VERSION) return;
    /* a confirmable message to a group is none (8.1) */
    if (from->group && msg.type != COAP2_NON) return;
    code_class = (uint8_t)COAP2_CODE_CLASS(msg.code);
    if (cut && (bytes[0] & 15u) == msg.token_length &&
        msg.code != COAP2_000_EMPTY)
        result = COAP2_OK;
    if (code_class == 1u || code_class > 5u) result = COAP2_ERR_FORMAT;
    if (result == COAP2_OK && msg.code != COAP2_000_EMPTY &&
        msg.type != COAP2_RST)
        coap2i_handle(node, from, &msg, cut);
    else if (msg.type <= COAP2_NON)
        coap2i_reject(node, from, &msg);
    else if (result == COAP2_OK && msg.code == COAP2_000_EMPTY)
        coap2i_acknowledged(node, from, &msg);
}

/* Something is due. */
static void coap2i_run(coap2_node *node, coap2_exchange *e)
{
    coap2_result result;
    if (e->state == COAP2I_DELAYED) {
        result =
            coap2i_transmit(node, &e->peer, coap2i_packet(node, e), e->length);
        if (result != COAP2_ERR_AGAIN) e->state = COAP2I_FREE;
    }
#if COAP2_WITH_LATER
    if (e->state == COAP2I_LATE) coap2i_ack_late(node, e);
    if (e->state == COAP2I_ANSWERING) {
        if (e->tries > node->max_retransmit)
            result = COAP2_ERR_TIMEOUT;
        else
            result = coap2i_transmit_con(node, e);
        if (result != COAP2_OK && result != COAP2_ERR_AGAIN)
            e->state = COAP2I_FREE;
    }
#endif
#if COAP2_WITH_CLIENT
    if (e->state >= COAP2I_SENDING) coap2i_run_request(node, e);
#endif
}

/* Can anything become due by itself? */
static bool coap2i_has_due(const coap2_exchange *e)
{
    return e->state != COAP2I_FREE && e->state != COAP2I_TICKET &&
           e->state != COAP2I_QUEUED;
}

#if COAP2_WITH_CLIENT

/* Begin what waits in line and may go now. */
static bool coap2i_begin_some(coap2_node *node)
{
    bool begun = false;
    uint8_t i;
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        coap2_exchange *e = &node->exchanges[i];
        if (e->state != COAP2I_QUEUED || coap2i_hold(node, e) != 0u) continue;
#if COAP2I_FINDS
        if (coap2i_wants_place(node, e)) {
            coap2i_begin_search(node, e);
            if (e->state == COAP2I_SEEKING) coap2i_run_search(node, e);
            begun = true;
            continue;
        }
#endif
        coap2i_begin_request(node, e);
        coap2i_run_request(node, e);
        begun = true;
    }
    return begun;
}

/* Begin all that may go: one that begins or fails lets others go, and its
   callback may ask for more. Returns how long those have to wait that wait for
   a time; those behind a request that has not ended do not count. */
static uint32_t coap2i_begin_requests(coap2_node *node)
{
    uint32_t rest = COAP2_FOREVER;
    uint8_t i;
    for (i = 0; i < COAP2_MAX_EXCHANGES && coap2i_begin_some(node); i++) {
    }
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        const coap2_exchange *e = &node->exchanges[i];
        uint32_t hold = COAP2_FOREVER;
        if (e->state == COAP2I_QUEUED) hold = coap2i_hold(node, e);
        if (hold < rest) rest = hold;
    }
    return rest;
}

#endif

/* Do what is due, and find when to do so next. */
static uint32_t coap2i_run_all(coap2_node *node)
{
    uint32_t rest = COAP2_FOREVER, left;
    uint8_t i;
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        coap2_exchange *e = &node->exchanges[i];
        if (coap2i_has_due(e) && coap2i_is_past(node, &e->due))
            coap2i_run(node, e);
    }
#if COAP2_WITH_SERVER && COAP2_WITH_OBSERVE
    rest = coap2i_notify_all(node);
#endif
#if COAP2_WITH_CLIENT
    left = coap2i_begin_requests(node);
    if (left < rest) rest = left;
#endif
    for (i = 0; i < COAP2_MAX_EXCHANGES; i++) {
        const coap2_exchange *e = &node->exchanges[i];
        if (!coap2i_has_due(e)) continue;
        left = e->due - node->time;
        if (coap2i_is_past(node, &e->due)) left = COAP2I_BUSY_MS;
        if (left < rest) rest = left;
    }
    return rest;
}

COAP2_DEF void coap2_input(coap2_node *node, const coap2_peer *from,
                           const uint8_t *bytes, size_t length, uint32_t now_ms)
{
    if (node->slots == 0u) return;
    node->time = now_ms;
    coap2i_forget(node);
    coap2i_receive(node, from, bytes, length, false);
}

COAP2_DEF uint32_t coap2_poll(coap2_node *node, uint32_t now_ms)
{
    uint32_t rest;
    uint8_t burst = 0;
    if (node->slots == 0u) return COAP2_FOREVER;
    node->time = now_ms;
    coap2i_forget(node);
    for (; node->recv != NULL && burst < COAP2_BURST; burst++) {
        coap2_peer from;
        int32_t length;
        size_t size = node->in_size;
        bool cut;
        memset(&from, 0, sizeof from);
        length = node->recv(node->io, &from, node->in, size);
        if (length < 0) break;
        cut = (uint32_t)length > size;
        if (!cut) size = (size_t)length;
        coap2i_receive(node, &from, node->in, size, cut);
    }
    rest = coap2i_run_all(node);
    return burst == COAP2_BURST ? 0u : rest;
}

/* The size of a slot. */
static size_t coap2i_slot_size(const coap2_node *node)
{
    if (node->packet != 0u) return node->packet;
    return node->out_size < COAP2_PACKET ? node->out_size : COAP2_PACKET;
}

/* What a node lacks. */
enum {
    COAP2I_COMPLETE,
    COAP2I_KNOBS_DIFFER,
    COAP2I_NO_SEND,
    COAP2I_NO_OUT,
    COAP2I_NO_IN,
    COAP2I_SMALL_IN,
    COAP2I_NO_TABLE,
    COAP2I_SMALL_OUT,
    COAP2I_SMALL_PACKET,
    COAP2I_LARGE_PACKET,
    COAP2I_ONE_SLOT,
    COAP2I_SLASH
};

#if COAP2_WITH_SERVER && COAP2_WITH_STRINGS

/* Does a path begin with a slash? Requests would match, but not its link. */
static bool coap2i_has_slash(const coap2_node *node)
{
    const coap2_resource *const *rows = node->resources, *row;
    while (rows != NULL &&
           (row = COAP2I_FLASH_WORD(const coap2_resource *, rows++)) != NULL)
        if (coap2i_flash_char(COAP2I_FLASH_WORD(const char *, &row->path)) ==
            '/')
            return true;
    return false;
}

#endif

static uint8_t coap2i_lack(const coap2_node *node)
{
    size_t slot = coap2i_slot_size(node);
    if (node->send == NULL) return COAP2I_NO_SEND;
    if (node->out == NULL) return COAP2I_NO_OUT;
    if (node->recv != NULL) {
        if (node->in == NULL) return COAP2I_NO_IN;
        if (node->in_size < 16u) return COAP2I_SMALL_IN;
    }
    if (node->out_size < 16u) return COAP2I_SMALL_OUT;
    if (slot < 16u) return COAP2I_SMALL_PACKET;
    if (slot > node->out_size || slot != (uint16_t)slot)
        return COAP2I_LARGE_PACKET;
#if !COAP2_WITH_SERVER
    if (slot > node->out_size / 2u) return COAP2I_ONE_SLOT;
#elif !COAP2_WITH_CLIENT
    if (node->resources == NULL) return COAP2I_NO_TABLE;
#endif
#if COAP2_WITH_SERVER && COAP2_WITH_STRINGS
    if (coap2i_has_slash(node)) return COAP2I_SLASH;
#endif
    return COAP2I_COMPLETE;
}

COAP2_DEF const char *coap2_start_why_as(const coap2_node *node,
                                         uint16_t node_size, uint16_t knobs)
{
    uint8_t lack = COAP2I_KNOBS_DIFFER;
    if (node_size == (uint16_t)sizeof *node && knobs == COAP2I_KNOBS)
        lack = coap2i_lack(node);
    switch (lack) {
    case COAP2I_KNOBS_DIFFER:
        return COAP2_TEXT("knobs (COAP2_...) differ from those of the file "
                          "with COAP2_IMPLEMENTATION");
    case COAP2I_NO_SEND:
        return COAP2_TEXT("node.send is missing");
    case COAP2I_NO_OUT:
        return COAP2_TEXT("node.out is missing");
    case COAP2I_NO_IN:
        return COAP2_TEXT("node.in is missing, and node.recv is set");
    case COAP2I_SMALL_IN:
        return COAP2_TEXT("node.in_size is missing or too small");
#if !COAP2_WITH_CLIENT
    case COAP2I_NO_TABLE:
        return COAP2_TEXT("node.resources is missing: COAP2_TABLE");
#endif
    case COAP2I_SMALL_OUT:
        return COAP2_TEXT("node.out_size is missing or too small");
    case COAP2I_SMALL_PACKET:
        return COAP2_TEXT("node.packet is too small");
    case COAP2I_LARGE_PACKET:
        return COAP2_TEXT("node.packet is larger than node.out_size or 65535");
#if !COAP2_WITH_SERVER
    case COAP2I_ONE_SLOT:
        return COAP2_TEXT("node.out_size is too small: a request takes two "
                          "slots of node.packet bytes (0: COAP2_PACKET)");
#else
    case COAP2I_SLASH:
        return COAP2_TEXT("a path in node.resources begins with a slash");
#endif
    default:
        return NULL;
    }
}

COAP2I_RARE void coap2i_default(uint16_t *parameter, uint16_t value)
{
    if (*parameter == 0u) *parameter = value;
}

COAP2_DEF coap2_result coap2_start_as(coap2_node *node, uint32_t seed,
                                      uint16_t node_size, uint16_t knobs)
{
    size_t left;
    if (node_size != (uint16_t)sizeof *node || knobs != COAP2I_KNOBS)
        return COAP2_ERR_CONFIG;
    if (coap2i_lack(node) != COAP2I_COMPLETE) return COAP2_ERR_CONFIG;
    node->packet = coap2i_slot_size(node);
    memset((uint8_t *)node + offsetof(coap2_node, next_id), 0,
           sizeof *node - offsetof(coap2_node, next_id));
    for (left = node->out_size;
         left >= node->packet && node->slots <= COAP2_MAX_EXCHANGES;
         left -= node->packet)
        node->slots++;
    coap2i_default(&node->leisure, COAP2_LEISURE);
    coap2i_default(&node->exchange_lifetime, COAP2_EXCHANGE_LIFETIME);
    coap2i_default(&node->non_lifetime, COAP2_NON_LIFETIME);
#if COAP2_WITH_CLIENT || COAP2_WITH_LATER || COAP2_WITH_OBSERVE
    coap2i_default(&node->ack_timeout, COAP2_ACK_TIMEOUT);
    coap2i_default(&node->random_factor, COAP2_RANDOM_FACTOR);
    if (node->max_retransmit == 0u) node->max_retransmit = COAP2_MAX_RETRANSMIT;
#endif
#if COAP2_WITH_CLIENT
    coap2i_default(&node->probing_rate, COAP2_PROBING_RATE);
    if (node->nstart == 0u) node->nstart = COAP2_NSTART;
#endif
    node->key[0] = seed;
    node->next_id = (uint16_t)coap2i_chance(node);
    return COAP2_OK;
}

#if COAP2_WITH_CLIENT

COAP2_DEF coap2_result coap2_wait(coap2_node *node, int16_t request)
{
    uint32_t rest;
    if (request <= 0) return (coap2_result)request;
    if (node->now == NULL || node->inside) return COAP2_ERR_CONFIG;
    if (coap2i_find_handle(node, request) == NULL) return COAP2_ERR_ARG;
    node->waited = request;
    for (;;) {
        rest = coap2_poll(node, node->now(node->io));
        if (node->waited == 0) return node->waited_result;
        if (node->idle != NULL && rest != 0u) node->idle(node->io, rest);
    }
}

#endif

#endif /* COAP2_WITH_SERVER || COAP2_WITH_CLIENT */

/* ---- >>directory: a registration, and what becomes of it ------------------
   Knows RFC 9176, and asks by calls that anybody may make. */

#if COAP2_WITH_DIRECTORY

/* registration->task: the request under way, or the next one */
enum {
    COAP2I_NO_TASK,
    COAP2I_FIND,
    COAP2I_REGISTER,
    COAP2I_UPDATE, /* then the location is the registration's */
    COAP2I_REMOVE
};

#define COAP2I_MOST_SECONDS 1728000ul /* 20 days: ms can tell 24 */

/* Write an option of a text in flash and one that follows it. */
static void coap2i_write_joined(coap2_writer *w, uint16_t number,
                                const char *flash_text, const char *text)
{
    size_t length = 0, rest = strlen(text), i;
    while (coap2i_flash_char(flash_text + length) != '\0') length++;
    coap2_write_opt(w, number, NULL, length + rest);
    if (w->error != COAP2_OK) return;
    for (i = 0; i < length; i++)
        w->value[i] = (uint8_t)coap2i_flash_char(flash_text + i);
    memcpy(w->value + length, text, rest);
}

static void coap2i_write_well_known(coap2_writer *w, const char *flash_name)
{
    coap2i_write_joined(w, COAP2_OPT_URI_PATH, COAP2_TEXT(".well-known"), "");
    coap2i_write_joined(w, COAP2_OPT_URI_PATH, flash_name, "");
}

COAP2_DEF int16_t coap2_find_directory(coap2_node *node, const char *uri,
                                       coap2_reply_fn reply, void *user)
{
    coap2_call call;
#if COAP2I_FINDS
    if (uri == NULL) coap2_call_find(&call, node, "");
#else
    if (uri == NULL) return COAP2_ERR_ARG;
#endif
    if (uri != NULL) {
        coap2_call_start(&call, node, COAP2_GET, uri);
        coap2i_write_well_known(&call.w, COAP2_TEXT("core"));
    }
    coap2i_write_joined(&call.w, COAP2_OPT_URI_QUERY, COAP2_TEXT("rt=core.rd*"),
                        "");
    return coap2_call_send(&call, reply, user);
}

/* The first link of an answer that matches. */
static bool coap2i_find_link(const coap2_msg *msg, const char *filter,
                             coap2_link *link)
{
    if (msg == NULL || COAP2_CODE_CLASS(msg->code) != 2u) return false;
    *link = coap2_links((const char *)msg->payload, msg->payload_length);
    while (coap2_link_next(link))
        if (coap2_link_matches(link, filter, strlen(filter))) return true;
    return false;
}

/* Copy a link's target, with a NUL behind it. */
static bool coap2i_copy_target(const coap2_link *link, char *text, size_t size)
{
    if (link->target_length >= size) return false;
    memcpy(text, link->target, link->target_length);
    text[link->target_length] = '\0';
    return true;
}

COAP2_DEF void coap2_call_link(coap2_call *call, const coap2_reply *reply,
                               uint8_t method, const char *filter)
{
    char text[sizeof(void *) < 4u ? 64 : 256];
    coap2_uri uri;
    coap2_link link;
    coap2_result error = COAP2_OK;
    if (!coap2i_find_link(reply->msg, filter, &link))
        error = COAP2_ERR_NAME;
    else if (!coap2i_copy_target(&link, text, sizeof text))
        error = COAP2_ERR_SPACE;
    if (error == COAP2_OK &&
        coap2_uri_parse_ref(&uri, text, strlen(text)) != COAP2_OK) {
        coap2_call_start(call, reply->node, method, text);
        return;
    }
    coap2_call_start_to(call, reply->node, method, reply->peer, "");
    if (error == COAP2_OK)
        coap2_write_uri(&call->w, &uri);
    else
        call->error = error;
}

/* ---- what is registered ---- */

#if COAP2_WITH_SERVER

/* Write what /.well-known/core lists, by asking for it. */
static void coap2i_list_own(coap2_registration *reg, coap2_writer *w)
{
    coap2_peer nobody;
    coap2_msg msg;
    coap2_req req;
    coap2_rsp rsp;
    memset(&nobody, 0, sizeof nobody);
    memset(&msg, 0, sizeof msg);
    memset(&req, 0, sizeof req);
    memset(&rsp, 0, sizeof rsp);
    msg.options.value = msg.options.end = w->start; /* none */
    req.node = reg->node;
    req.peer = &nobody;
    req.msg = &msg;
    req.method = COAP2_GET;
    req.format = req.accept = COAP2_NO_FORMAT;
    rsp.w = *w;
    (void)coap2i_on_core(&req, &rsp);
    *w = rsp.w;
}

#endif

static void coap2i_list(coap2_registration *reg, coap2_writer *w)
{
    if (reg->links != NULL) {
        coap2_write_body(w, reg->links, strlen(reg->links));
        return;
    }
#if COAP2_WITH_SERVER
    coap2i_list_own(reg, w);
#endif
}

#if COAP2_WITH_BLOCKS

static void coap2i_pull_links(void *user, uint32_t at, uint8_t *bytes,
                              size_t size)
{
    coap2_writer w;
    coap2_write_start(&w, bytes, size);
    coap2_write_window(&w, at, size);
    w.payload_size = 1; /* the marker stands before these bytes */
    coap2i_list((coap2_registration *)user, &w);
}

static uint32_t coap2i_list_length(coap2_registration *reg)
{
    coap2_writer w;
    uint8_t nothing;
    coap2_write_start(&w, &nothing, 1);
    coap2_write_window(&w, UINT32_MAX, 0);
    coap2i_list(reg, &w);
    return w.body_length;
}

#endif

/* Write the links, or have them pulled where they do not fit. */
static void coap2i_write_links(coap2_registration *reg, coap2_call *call)
{
    coap2_write_uint(&call->w, COAP2_OPT_CONTENT_FORMAT, COAP2_FORMAT_LINKS);
#if COAP2_WITH_BLOCKS
    call->pull_length = coap2i_list_length(reg);
    if (call->pull_length >= (size_t)(call->w.end - call->w.next)) {
        call->pull = coap2i_pull_links;
        return;
    }
#endif
    coap2i_list(reg, &call->w);
}

static void coap2i_write_lifetime(coap2_writer *w, uint32_t seconds)
{
    char digits[11], *first = digits + 10;
    *first = '\0';
    for (; seconds != 0u; seconds /= 10u)
        *--first = (char)('0' + seconds % 10u);
    coap2i_write_joined(w, COAP2_OPT_URI_QUERY, COAP2_TEXT("lt="), first);
}

/* What a registration says of its endpoint (RFC 9176 5). */
static void coap2i_write_endpoint(const coap2_registration *reg,
                                  coap2_writer *w)
{
    const char *name = reg->endpoint != NULL ? reg->endpoint : reg->node->name;
    coap2i_write_joined(w, COAP2_OPT_URI_QUERY, COAP2_TEXT("ep="), name);
    if (reg->sector != NULL)
        coap2i_write_joined(w, COAP2_OPT_URI_QUERY, COAP2_TEXT("d="),
                            reg->sector);
    if (reg->lifetime != 0u) coap2i_write_lifetime(w, reg->lifetime);
    if (reg->base != NULL && !reg->simple)
        coap2i_write_joined(w, COAP2_OPT_URI_QUERY, COAP2_TEXT("base="),
                            reg->base);
}

/* ---- what becomes of it ---- */

static void coap2i_tell_event(coap2_registration *reg, uint8_t event)
{
    coap2_node *node = reg->node;
    bool inside = node->inside;
    if (reg->tell == NULL) return;
    node->inside = true;
    reg->tell(reg, event);
    node->inside = inside;
}

/* From its beginning, when it is due or at once. */
static void coap2i_begin_anew(coap2_registration *reg, bool waits)
{
    reg->task = reg->direct ? COAP2I_REGISTER : COAP2I_FIND;
    reg->waits = waits;
    reg->location[0] = '\0';
}

/* Does a directory ask for patience (RFC 7252 5.9.3.4, RFC 8516)? */
static bool coap2i_is_busy(const coap2_registration *reg)
{
    return reg->code == COAP2_503_SERVICE_UNAVAILABLE ||
           reg->code == COAP2_429_TOO_MANY_REQUESTS;
}

/* How long to wait before it is tried again: longer each time, and not all
   nodes alike. `msg` is the answer, or NULL. */
static uint32_t coap2i_retry_in(coap2_registration *reg, const coap2_msg *msg)
{
    uint32_t half = (uint32_t)15000 << reg->fails, seconds = 60;
    uint32_t wait = half + coap2i_chance(reg->node) % half;
    coap2_opt opt;
    if (reg->fails < 7u) reg->fails++;
    if (!coap2i_is_busy(reg)) return wait;
    if (coap2_msg_find(msg, COAP2_OPT_MAX_AGE, &opt))
        (void)coap2_opt_uint(&opt, &seconds);
    if (seconds > COAP2I_MOST_SECONDS) seconds = COAP2I_MOST_SECONDS;
    return seconds * 1000u > wait ? seconds * 1000u : wait;
}

/* A step failed. What was not renewed is registered anew at once (RFC 9176
   5.3.1), but for a directory that is busy. */
static void coap2i_try_again(coap2_registration *reg, const coap2_msg *msg)
{
    bool renewing = reg->task == COAP2I_UPDATE;
    bool busy = coap2i_is_busy(reg), kept = renewing && busy;
    uint8_t event = reg->held && !kept ? COAP2_REG_LOST : COAP2_REG_FAILED;
    reg->waits = busy || !renewing;
    if (reg->waits) reg->due = reg->node->time + coap2i_retry_in(reg, msg);
    if (!kept) {
        reg->held = false;
        coap2i_begin_anew(reg, reg->waits);
    }
    coap2i_tell_event(reg, event);
}

/* The directory has it: renew it in time. */
static void coap2i_keep(coap2_registration *reg)
{
    uint8_t event = reg->held ? COAP2_REG_RENEWED : COAP2_REG_NEW;
    uint32_t ms = COAP2I_MOST_SECONDS * 1000u;
    uint32_t lifetime = reg->lifetime != 0u ? reg->lifetime : 90000u;
    if (lifetime < ms / 750u) ms = lifetime * 750u;
    reg->due = reg->since + ms;
    reg->held = true;
    reg->fails = 0;
    reg->task = COAP2I_UPDATE;
    reg->waits = true;
    if (reg->location[0] == '\0') coap2i_begin_anew(reg, true);
    coap2i_tell_event(reg, event);
}

/* Keep the path of a registration; none if it does not fit or is missing, and
   then it is renewed by registering again. */
static void coap2i_read_location(coap2_registration *reg, const coap2_msg *msg)
{
    coap2_writer w;
    coap2_opt opt = msg->options;
    coap2_write_start(&w, reg->location, sizeof reg->location);
    while (coap2_opt_next(&opt)) {
        if (opt.number != COAP2_OPT_LOCATION_PATH) continue;
        if (coap2_opt_is(&opt, ".") || coap2_opt_is(&opt, ".."))
            coap2i_fail(&w, COAP2_ERR_ARG);
        coap2i_put_piece(&w, '/', &opt, COAP2I_IN_SEGMENT);
    }
    coap2i_put(&w, '\0');
    if (w.error != COAP2_OK) reg->location[0] = '\0';
}

/* A directory has answered, or somebody else: the first one is taken. */
static void coap2i_found(coap2_registration *reg, const coap2_reply *reply)
{
    char filter[11];
    coap2_uri uri;
    coap2_link link;
    bool found;
    COAP2I_FLASH_COPY(filter, COAP2_TEXT("rt=core.rd"), sizeof filter);
    found = coap2i_find_link(reply->msg, filter, &link) &&
            coap2i_copy_target(&link, reg->location, sizeof reg->location);
    if (!found && reply->more) return;
    reg->request = 0;
    if (!found) {
        if (reg->result == COAP2_OK) reg->result = COAP2_ERR_NAME;
        coap2i_try_again(reg, reply->msg);
        return;
    }
    if (reply->more) (void)coap2_cancel(reply->node, reply->request);
    reg->elsewhere =
        coap2_uri_parse(&uri, link.target, link.target_length) == COAP2_OK;
    reg->peer = *reply->peer;
    reg->task = COAP2I_REGISTER;
    reg->waits = false;
}

/* It is removed, or has never been, or cannot be. */
static void coap2i_removed(coap2_registration *reg, bool good)
{
    reg->task = COAP2I_NO_TASK;
    reg->held = false;
    coap2i_tell_event(reg, good ? COAP2_REG_REMOVED : COAP2_REG_FAILED);
}

static void coap2i_on_registration(const coap2_reply *reply)
{
    coap2_registration *reg = (coap2_registration *)reply->user;
    bool good;
    if (reply->request != reg->request) return; /* it was given up */
    reg->result = reply->result;
    reg->code = reply->msg != NULL ? reply->msg->code : 0u;
    good = COAP2_CODE_CLASS(reg->code) == 2u;
    if (reg->task == COAP2I_FIND) {
        coap2i_found(reg, reply);
        return;
    }
    reg->request = 0;
    if (reg->task == COAP2I_REMOVE) {
        coap2i_removed(reg, good || reg->code == COAP2_404_NOT_FOUND);
        return;
    }
    if (!good) {
        coap2i_try_again(reg, reply->msg);
        return;
    }
    if (reg->task == COAP2I_REGISTER) {
        coap2i_read_location(reg, reply->msg);
        reg->peer = *reply->peer;
    }
    coap2i_keep(reg);
}

/* ---- what is to be done ---- */

/* Start a call to what `location` names: a path of the directory, under the
   host that the directory was asked by, or a URI. */
static void coap2i_start_at(const coap2_registration *reg, coap2_call *call,
                            uint8_t method)
{
    size_t length = strlen(reg->location);
    coap2_uri place, asked;
    if (coap2_uri_parse_ref(&place, reg->location, length) != COAP2_OK) {
        coap2_call_start(call, reg->node, method, reg->location);
        return;
    }
    coap2_call_start_to(call, reg->node, method, &reg->peer, "");
    if (reg->uri != NULL && !reg->elsewhere &&
        coap2_uri_parse(&asked, reg->uri, strlen(reg->uri)) == COAP2_OK) {
        asked.path = place.path;
        asked.path_length = place.path_length;
        asked.query = place.query;
        asked.query_length = place.query_length;
        place = asked;
    }
    coap2_write_uri(&call->w, &place);
}

/* Begin a registration: where the directory was found, or where it is. */
static void coap2i_start_registering(coap2_registration *reg, coap2_call *call)
{
    bool found = reg->location[0] != '\0';
    if (reg->simple && found)
        coap2_call_start_to(call, reg->node, COAP2_POST, &reg->peer, "");
    else if (found)
        coap2i_start_at(reg, call, COAP2_POST);
    else
        coap2_call_start(call, reg->node, COAP2_POST, reg->uri);
    if (reg->simple) coap2i_write_well_known(&call->w, COAP2_TEXT("rd"));
    coap2i_write_endpoint(reg, &call->w);
    if (!reg->simple) coap2i_write_links(reg, call);
    if (call->peer.group) call->error = COAP2_ERR_ARG; /* to one only */
}

static int16_t coap2i_begin_task(coap2_registration *reg)
{
    coap2_call call;
    reg->since = reg->node->time;
    if (reg->task == COAP2I_FIND)
        return coap2_find_directory(reg->node, reg->uri, coap2i_on_registration,
                                    reg);
    if (reg->task == COAP2I_REGISTER)
        coap2i_start_registering(reg, &call);
    else if (reg->task == COAP2I_UPDATE)
        coap2i_start_at(reg, &call, COAP2_POST);
    else
        coap2i_start_at(reg, &call, COAP2_DELETE);
    return coap2_call_send(&call, coap2i_on_registration, reg);
}

COAP2_DEF uint32_t coap2_registration_poll(coap2_registration *reg,
                                           uint32_t rest)
{
    uint32_t left;
    int16_t request = COAP2_OK;
    if (reg->task == COAP2I_NO_TASK || reg->request != 0 || reg->node->inside)
        return rest;
    left = reg->due - reg->node->time;
    if (reg->waits && (int32_t)left > 0) return left < rest ? left : rest;
    if (reg->task != COAP2I_REMOVE || reg->location[0] != '\0')
        request = coap2i_begin_task(reg);
    if (request > 0) {
        reg->request = request;
        return 0;
    }
    reg->result = (coap2_result)request;
    reg->code = 0;
    if (request == COAP2_ERR_FULL) {
        reg->due = reg->node->time + 1000u;
        reg->waits = true;
    } else if (reg->task == COAP2I_REMOVE) {
        coap2i_removed(reg, request == COAP2_OK);
    } else {
        coap2i_try_again(reg, NULL);
    }
    return 0;
}

/* End the request under way, if the node still knows it: a node that was
   started again may have given its number to another. */
static void coap2i_give_up(coap2_registration *reg)
{
    int16_t request = reg->request;
    const coap2_exchange *e;
    reg->request = 0;
    if (request == 0) return;
    e = coap2i_find_call(reg->node, request);
    if (e != NULL && e->user == reg) (void)coap2_cancel(reg->node, request);
}

/* What a directory could not store. */
static bool coap2i_is_odd(const coap2_node *node, const coap2_registration *reg)
{
    const char *name = reg->endpoint != NULL ? reg->endpoint : node->name;
    return name == NULL || name[0] == '\0' || strlen(name) > 63u ||
           (reg->sector != NULL && strlen(reg->sector) > 63u) ||
           (reg->base != NULL && strlen(reg->base) > 250u) ||
           (reg->uri == NULL && !COAP2I_FINDS);
}

COAP2_DEF coap2_result coap2_register(coap2_node *node, coap2_registration *reg)
{
    coap2_uri uri;
    coap2i_give_up(reg);
    reg->task = COAP2I_NO_TASK;
    reg->node = node;
    if (coap2i_is_odd(node, reg)) return COAP2_ERR_ARG;
    reg->direct = false;
    if (reg->uri != NULL) {
        if (coap2_uri_parse(&uri, reg->uri, strlen(reg->uri)) != COAP2_OK)
            return COAP2_ERR_FORMAT;
        reg->direct = uri.path_length > 1u;
        if (reg->simple && reg->direct) return COAP2_ERR_ARG;
        reg->direct = reg->direct || reg->simple;
    }
    reg->elsewhere = reg->held = false;
    reg->fails = 0;
    coap2i_begin_anew(reg, false);
    return COAP2_OK;
}

COAP2_DEF void coap2_unregister(coap2_registration *reg)
{
    coap2i_give_up(reg);
    if (reg->task == COAP2I_NO_TASK) return;
    if (reg->task != COAP2I_UPDATE) reg->location[0] = '\0';
    reg->task = COAP2I_REMOVE;
    reg->waits = false;
}

#endif /* COAP2_WITH_DIRECTORY */

/* ---- >>names: texts for people -------------------------------------------
   Knows the names of the registries, and how to say what is wrong. */

#if COAP2_WITH_STRINGS

COAP2_DEF const char *coap2_error_text(coap2_result error)
{
    switch (error) {
    case COAP2_OK:
        return "success";
    case COAP2_ERR_VERSION:
        return "not CoAP version 1 (RFC 7252 3)";
    case COAP2_ERR_FORMAT:
        return "malformed (RFC 7252 3 and 6, RFC 6690 2)";
    case COAP2_ERR_SPACE:
        return "does not fit: give a larger buffer";
    case COAP2_ERR_ARG:
        return "a value that CoAP cannot carry (RFC 7252 3)";
    case COAP2_ERR_FULL:
        return "no free exchange: raise COAP2_MAX_EXCHANGES and node.out_size";
    case COAP2_ERR_CONFIG:
        return "not set up: coap2_start_why; of coap2_wait: no node.now";
    case COAP2_ERR_AGAIN:
        return "not now";
    case COAP2_ERR_SEND:
        return "the transport could not send";
    case COAP2_ERR_TIMEOUT:
        return "no answer in time (RFC 7252 4.2)";
    case COAP2_ERR_RESET:
        return "rejected by the peer (RFC 7252 4.2)";
    case COAP2_ERR_CANCELLED:
        return "cancelled";
    case COAP2_ERR_NAME:
        return "no address for this host: set node.resolve";
    default:
        return NULL;
    }
}

COAP2_DEF const char *coap2_type_name(uint8_t type)
{
    static const char *const names[] = {"CON", "NON", "ACK", "RST"};
    return type < 4u ? names[type] : NULL;
}

typedef struct coap2i_name {
    uint16_t number;
    const char *text;
} coap2i_name;

static const char *coap2i_find_name(const coap2i_name *names, size_t rows,
                                    uint16_t number)
{
    size_t i;
    for (i = 0; i < rows; i++)
        if (names[i].number == number) return names[i].text;
    return NULL;
}

#define COAP2I_FIND_NAME(names, number) \
    coap2i_find_name((names), sizeof(names) / sizeof(names)[0], (number))

COAP2_DEF const char *coap2_code_name(uint8_t code)
{
    static const coap2i_name names[] = {
        {COAP2_000_EMPTY, "Empty"},
        {COAP2_001_GET, "GET"},
        {COAP2_002_POST, "POST"},
        {COAP2_003_PUT, "PUT"},
        {COAP2_004_DELETE, "DELETE"},
        {COAP2_005_FETCH, "FETCH"},
        {COAP2_006_PATCH, "PATCH"},
        {COAP2_007_IPATCH, "iPATCH"},
        {COAP2_201_CREATED, "Created"},
        {COAP2_202_DELETED, "Deleted"},
        {COAP2_203_VALID, "Valid"},
        {COAP2_204_CHANGED, "Changed"},
        {COAP2_205_CONTENT, "Content"},
        {COAP2_231_CONTINUE, "Continue"},
        {COAP2_400_BAD_REQUEST, "Bad Request"},
        {COAP2_401_UNAUTHORIZED, "Unauthorized"},
        {COAP2_402_BAD_OPTION, "Bad Option"},
        {COAP2_403_FORBIDDEN, "Forbidden"},
        {COAP2_404_NOT_FOUND, "Not Found"},
        {COAP2_405_METHOD_NOT_ALLOWED, "Method Not Allowed"},
        {COAP2_406_NOT_ACCEPTABLE, "Not Acceptable"},
        {COAP2_408_REQUEST_ENTITY_INCOMPLETE, "Request Entity Incomplete"},
        {COAP2_409_CONFLICT, "Conflict"},
        {COAP2_412_PRECONDITION_FAILED, "Precondition Failed"},
        {COAP2_413_REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large"},
        {COAP2_415_UNSUPPORTED_CONTENT_FORMAT, "Unsupported Content-Format"},
        {COAP2_422_UNPROCESSABLE_ENTITY, "Unprocessable Entity"},
        {COAP2_429_TOO_MANY_REQUESTS, "Too Many Requests"},
        {COAP2_500_INTERNAL_SERVER_ERROR, "Internal Server Error"},
        {COAP2_501_NOT_IMPLEMENTED, "Not Implemented"},
        {COAP2_502_BAD_GATEWAY, "Bad Gateway"},
        {COAP2_503_SERVICE_UNAVAILABLE, "Service Unavailable"},
        {COAP2_504_GATEWAY_TIMEOUT, "Gateway Timeout"},
        {COAP2_505_PROXYING_NOT_SUPPORTED, "Proxying Not Supported"},
        {COAP2_508_HOP_LIMIT_REACHED, "Hop Limit Reached"},
        {COAP2_701_CSM, "CSM"},
        {COAP2_702_PING, "Ping"},
        {COAP2_703_PONG, "Pong"},
        {COAP2_704_RELEASE, "Release"},
        {COAP2_705_ABORT, "Abort"}};
    return COAP2I_FIND_NAME(names, code);
}

COAP2_DEF const char *coap2_format_name(uint16_t format)
{
    static const coap2i_name names[] = {
        {COAP2_FORMAT_TEXT, "text/plain; charset=utf-8"},
        {COAP2_FORMAT_LINKS, "application/link-format"},
        {COAP2_FORMAT_XML, "application/xml"},
        {COAP2_FORMAT_OCTETS, "application/octet-stream"},
        {COAP2_FORMAT_EXI, "application/exi"},
        {COAP2_FORMAT_JSON, "application/json"},
        {COAP2_FORMAT_JSON_PATCH, "application/json-patch+json"},
        {COAP2_FORMAT_MERGE_PATCH, "application/merge-patch+json"},
        {COAP2_FORMAT_CBOR, "application/cbor"},
        {COAP2_FORMAT_EDHOC, "application/edhoc+cbor-seq"},
        {COAP2_FORMAT_CID_EDHOC, "application/cid-edhoc+cbor-seq"},
        {COAP2_FORMAT_SENML_JSON, "application/senml+json"},
        {COAP2_FORMAT_SENML_CBOR, "application/senml+cbor"},
        {COAP2_FORMAT_MISSING_BLOCKS, "application/missing-blocks+cbor-seq"},
        {COAP2_FORMAT_OSCORE, "application/oscore"}};
    return COAP2I_FIND_NAME(names, format);
}

/* The options of a signal (RFC 8323 5.3 to 5.6). */
static const char *coap2i_signal_opt_name(uint8_t code, uint16_t number)
{
    bool second = number == COAP2_CSM_BLOCK_WISE_TRANSFER;
    if (number != COAP2_CSM_MAX_MESSAGE_SIZE && !second) return NULL;
    switch (code) {
    case COAP2_701_CSM:
        return second ? "Block-Wise-Transfer" : "Max-Message-Size";
    case COAP2_702_PING:
    case COAP2_703_PONG:
        return second ? NULL : "Custody";
    case COAP2_704_RELEASE:
        return second ? "Hold-Off" : "Alternative-Address";
    case COAP2_705_ABORT:
        return second ? NULL : "Bad-CSM-Option";
    default:
        return NULL;
    }
}

COAP2_DEF const char *coap2_opt_name(uint8_t code, uint16_t number)
{
    static const coap2i_name names[] = {
        {COAP2_OPT_IF_MATCH, "If-Match"},
        {COAP2_OPT_URI_HOST, "Uri-Host"},
        {COAP2_OPT_ETAG, "ETag"},
        {COAP2_OPT_IF_NONE_MATCH, "If-None-Match"},
        {COAP2_OPT_OBSERVE, "Observe"},
        {COAP2_OPT_URI_PORT, "Uri-Port"},
        {COAP2_OPT_LOCATION_PATH, "Location-Path"},
        {COAP2_OPT_OSCORE, "OSCORE"},
        {COAP2_OPT_URI_PATH, "Uri-Path"},
        {COAP2_OPT_CONTENT_FORMAT, "Content-Format"},
        {COAP2_OPT_MAX_AGE, "Max-Age"},
        {COAP2_OPT_URI_QUERY, "Uri-Query"},
        {COAP2_OPT_HOP_LIMIT, "Hop-Limit"},
        {COAP2_OPT_ACCEPT, "Accept"},
        {COAP2_OPT_Q_BLOCK1, "Q-Block1"},
        {COAP2_OPT_LOCATION_QUERY, "Location-Query"},
        {COAP2_OPT_EDHOC, "EDHOC"},
        {COAP2_OPT_BLOCK2, "Block2"},
        {COAP2_OPT_BLOCK1, "Block1"},
        {COAP2_OPT_SIZE2, "Size2"},
        {COAP2_OPT_Q_BLOCK2, "Q-Block2"},
        {COAP2_OPT_PROXY_URI, "Proxy-Uri"},
        {COAP2_OPT_PROXY_SCHEME, "Proxy-Scheme"},
        {COAP2_OPT_SIZE1, "Size1"},
        {COAP2_OPT_ECHO, "Echo"},
        {COAP2_OPT_NO_RESPONSE, "No-Response"},
        {COAP2_OPT_REQUEST_TAG, "Request-Tag"},
        {COAP2_OPT_DISCOVERY, "Discovery"},
        {COAP2_OPT_NOTIFICATION, "Notification"},
        {COAP2_OPT_RULE, "Rule"}};
    if (COAP2_CODE_CLASS(code) == 7u)
        return coap2i_signal_opt_name(code, number);
    return COAP2I_FIND_NAME(names, number);
}

/* Step to the first byte that is no whole option, and say why. */
static const char *coap2i_opt_why(coap2_opt *opt)
{
    const uint8_t *at;
    uint8_t nibble;
    while (coap2_opt_next(opt)) {
    }
    at = opt->value + opt->length;
    opt->value = at;
    opt->length = 0;
    opt->number = 0;
    nibble = *at / 16u;
    if (*at == 0xffu) return "a payload marker without payload";
    if (nibble == 15u || (*at & 15u) == 15u)
        return "a reserved option nibble, 15";
    if (nibble == 14u && opt->end - at > 2 &&
        at[1] * 256u + at[2] > 65535u - 269u)
        return "an option number beyond 65535";
    if (!coap2_opt_next(opt)) return "an option is cut off";
    opt->value = at;
    return "an option number beyond 65535";
}

COAP2_DEF const char *coap2_msg_why(const uint8_t *bytes, size_t length,
                                    size_t *fault_at)
{
    coap2_msg msg;
    coap2_opt opt;
    const char *why;
    coap2_result result = coap2_msg_parse(&msg, bytes, length);
    *fault_at = length < 4u ? length : 0u;
    if (length < 4u) return "shorter than the four bytes of a header";
    if (result == COAP2_OK) return NULL;
    if (result == COAP2_ERR_VERSION) return "not CoAP version 1";
    if ((bytes[0] & 15u) > 8u) return "a reserved token length, 9 to 15";
    *fault_at = length;
    if ((bytes[0] & 15u) > length - 4u) return "the token is cut off";
    *fault_at = 4;
    if (msg.code == COAP2_000_EMPTY)
        return "an Empty message that carries something";
    opt = msg.options;
    why = coap2i_opt_why(&opt);
    *fault_at = (size_t)(opt.value - bytes);
    return why;
}

#if COAP2_WITH_URI

/* Where the path of a URI begins, or the text ends. */
static size_t coap2i_uri_path_at(const char *text, size_t length)
{
    coap2_uri uri;
    size_t at = coap2i_uri_scheme(&uri, text, length);
    while (at < length && text[at] != '/' && text[at] != '?') at++;
    return at;
}

/* Why a reference, or a scheme that is none of ours, was refused. */
static const char *coap2i_reference_why(char c)
{
    if (c == ':') return "a scheme: not one of CoAP, or not in a reference";
    if (c == '/') return "a host in a reference: give the whole URI";
    return "not a scheme of CoAP with ://";
}

COAP2_DEF const char *coap2_uri_why(const char *text, size_t length,
                                    size_t fault_at)
{
    coap2_uri uri;
    size_t path = coap2i_uri_path_at(text, length);
    bool absolute = coap2i_uri_scheme(&uri, text, length) != 0u;
    char c;
    if (fault_at >= length) return "ends too early";
    c = text[fault_at];
    if (c == '#') return "a fragment is not sent to a server";
    if (c == '%' && coap2i_uri_span(text, length, fault_at, 0) == fault_at)
        return "% wants two hexadecimal digits";
    if (c <= ' ' || c >= 0x7f) return "a byte that must be percent-encoded";
    if (absolute && fault_at < path)
        return coap2i_holds(text, path, '@')
                   ? "user information is not for CoAP"
                   : "not a host, an address or a port up to 65535";
    if (!absolute && (c == ':' || fault_at < 2u) && c != '%')
        return coap2i_reference_why(c);
    if (c == '%' || coap2i_is_uri_char(c, COAP2I_IN_QUERY))
        return "longer than 255 bytes, or a dot segment once it is decoded";
    return "must be percent-encoded here";
}

#endif

#if COAP2_WITH_LINKS

COAP2_DEF const char *coap2_link_why(const coap2_link *link)
{
    char c;
    if (link->error == COAP2_OK) return NULL;
    if (link->position >= link->length) return "ends too early";
    c = link->text[link->position];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return "a blank between links or attributes";
    if (c == ',' || c == ';') return "an empty link, attribute or value";
    return "not allowed here";
}

#endif

#endif /* COAP2_WITH_STRINGS */

/* ---- >>history: releases -------------------------------------------------
   0.1.0  the codec: messages, options, block values, URIs, links; fields */

/* ---- >>licence: MIT ------------------------------------------------------

   Copyright (c) 2026 the coap2 authors

   Permission is hereby granted, free of charge, to any person obtaining a
   copy of this software and associated documentation files (the "Software"),
   to deal in the Software without restriction, including without limitation
   the rights to use, copy, modify, merge, publish, distribute, sublicense,
   and/or sell copies of the Software, and to permit persons to whom the
   Software is furnished to do so, subject to the following conditions:

   The above copyright notice and this permission notice shall be included in
   all copies or substantial portions of the Software.

   THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
   IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
   FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
   AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
   LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
   FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
   IN THE SOFTWARE. */

#endif /* COAP2_IMPLEMENTED */
#endif /* COAP2_IMPLEMENTATION */
