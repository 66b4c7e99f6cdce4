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

   KNOBS - define them before the include, the same in every file
       COAP2_WITH_URI      1  URIs and options, both ways    (AVR: 5.5 KB)
       COAP2_WITH_LINKS    1  link lists, RFC 6690           (AVR: 3 KB)
       COAP2_WITH_STRINGS  1  names and reasons as text; 0 on AVR, where
                              they would take RAM            (M0: 3.5 KB)
       COAP2_WITH_FIELDS   1  variables as text, both ways   (AVR: 4.5 KB)
       COAP2_WITH_JSON     1  fields as JSON as well         (AVR: 2 KB)
       COAP2_WITH_CBOR     1  fields as CBOR as well         (AVR: 3 KB)
       COAP2_FIELD_NAME   12  bytes of a field's name in its row
       COAP2_OPT_DISCOVERY 300, COAP2_OPT_NOTIFICATION 400, COAP2_OPT_RULE 410
                              the numbers of the options of CoAP 2
       COAP2_IMPLEMENTATION   in one file only: the machine
       COAP2_STATIC           with it: every function is static, a private
                              copy, and the smallest and fastest
   What is not called costs nothing where the linker drops unused sections
   (-ffunction-sections -Wl,--gc-sections); a knob takes it out anywhere.

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
       @names      names and reasons as text
     The machine
       >>ground    types of the target, flash access
       >>bytes     numbers and characters
       >>options   walking and reading options
       >>message   parsing and writing messages
       >>uri       URIs and paths
       >>links     link lists
       >>fields    values and fields
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
#ifndef COAP2_OPT_DISCOVERY /* not assigned by IANA, as the next two */
#define COAP2_OPT_DISCOVERY 300
#endif
#ifndef COAP2_OPT_NOTIFICATION
#define COAP2_OPT_NOTIFICATION 400
#endif
#ifndef COAP2_OPT_RULE
#define COAP2_OPT_RULE 410
#endif

#if (COAP2_WITH_URI | COAP2_WITH_LINKS | COAP2_WITH_STRINGS | \
     COAP2_WITH_FIELDS | COAP2_WITH_JSON | COAP2_WITH_CBOR) > 1
#error "coap2: each COAP2_WITH_x is 0 or 1"
#endif
#if COAP2_WITH_JSON && !COAP2_WITH_FIELDS
#error "coap2: COAP2_WITH_JSON needs COAP2_WITH_FIELDS"
#endif
#if COAP2_WITH_CBOR && !COAP2_WITH_FIELDS
#error "coap2: COAP2_WITH_CBOR needs COAP2_WITH_FIELDS"
#endif
#if COAP2_OPT_DISCOVERY > 65535 || COAP2_OPT_NOTIFICATION > 65535 || \
    COAP2_OPT_RULE > 65535
#error "coap2: an option's number is at most 65535"
#endif
#if defined(COAP2_STATIC) && !defined(COAP2_IMPLEMENTATION)
#error "coap2: COAP2_STATIC needs COAP2_IMPLEMENTATION in the same file"
#endif

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
    COAP2_ERR_VERSION = -1, /* not CoAP version 1: drop it silently (3)  */
    COAP2_ERR_FORMAT = -2,  /* malformed bytes or text                    */
    COAP2_ERR_SPACE = -3,   /* does not fit into the buffer you gave      */
    COAP2_ERR_ARG = -4      /* a value that CoAP cannot carry             */
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
   it is an empty segment; "" is the root. The path is a literal, and stays in
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
   width does not compile ("size of array is negative").

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

/* One, if it holds; else it does not compile. */
#define COAP2I_HOLDS(condition) sizeof(char[(condition) ? 1 : -1])
#define COAP2I_FIELD_NAMED(name, size) \
    ((size)*COAP2I_HOLDS(sizeof(name) <= COAP2_FIELD_NAME))
#define COAP2I_FIELD_SIZE(name, type, variable)   \
    (COAP2I_FIELD_NAMED(name, sizeof(variable)) * \
     COAP2I_HOLDS(sizeof(variable) == ((type)&15u)))
#define COAP2I_FIELD_EXPONENT(exponent) \
    ((exponent) * (COAP2I_HOLDS((exponent) >= -9 && (exponent) <= 9) == 1u))

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

#endif /* COAP2_WITH_FIELDS */

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
   and less stack. */
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

#if COAP2_WITH_URI || COAP2_WITH_LINKS

static bool coap2i_is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

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

static bool coap2i_is_uri_char(char c, uint8_t marks)
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

COAP2_DEF bool coap2_msg_find(const coap2_msg *msg, uint16_t number,
                              coap2_opt *opt)
{
    *opt = msg->options;
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

/* Open a gap where an option goes whose number is not the highest, or which
   comes after the payload: what stands behind it waits at the end of the
   buffer, without the head of the next option, whose delta will be smaller.
   Returns the number of the option before the gap. */
static uint16_t coap2i_open_gap(coap2_writer *w, uint16_t number,
                                coap2_opt *next)
{
    uint8_t *at = w->options;
    const uint8_t *tail;
    size_t waiting;
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
    waiting = (size_t)(w->next - tail);
    w->next = at;
    w->end -= waiting;
    memmove(w->end, tail, waiting);
    return before;
}

/* Write an option of any size, in any place. */
COAP2I_RARE void coap2i_write_opt_long(coap2_writer *w, uint16_t number,
                                       const void *value, size_t length)
{
    coap2_opt next;
    uint16_t before = w->last;
    uint8_t *end = w->end, *tail;
#if SIZE_MAX > 65804u
    if (length > 65804u) coap2i_fail(w, COAP2_ERR_ARG);
#endif
    if (w->error != COAP2_OK) return;
    next.number = 0;
    if (number < before || w->payload_size != 0u)
        before = coap2i_open_gap(w, number, &next);
    if (number > w->last) w->last = number;
    coap2i_put_head(w, (size_t)(number - before), length);
    w->value = w->next;
    coap2i_put_bytes(w, value, length);
    if (next.number > number)
        coap2i_put_head(w, (size_t)(next.number - number), next.length);
    tail = w->end;
    if (w->error != COAP2_OK || tail == end) return;
    w->end = end;
    coap2i_put_bytes(w, tail, (size_t)(end - tail));
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
    w->payload_size += length;
    coap2i_put_bytes(w, bytes, length);
}

COAP2_DEF void coap2_write_body(coap2_writer *w, const void *bytes,
                                size_t length)
{
    const uint8_t *piece = (const uint8_t *)bytes;
    uint32_t at = w->body_length;
    if (length > UINT32_MAX - at) {
        coap2i_fail(w, COAP2_ERR_ARG);
        return;
    }
    w->body_length = at + (uint32_t)length;
    if (w->body_length <= w->window_at) return;
    if (at < w->window_at) {
        piece += w->window_at - at;
        length -= (size_t)(w->window_at - at);
    }
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
    coap2_opt opt = msg->options;
    const char *p = flash_path;
    bool whole;
    if (coap2i_flash_char(p) == '/') p++;
    whole = coap2i_flash_char(p) == '\0';
    while (coap2_opt_next(&opt)) {
        size_t i;
        if (opt.number != COAP2_OPT_URI_PATH) continue;
        if (whole) return false;
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
static size_t coap2i_zone_mark(const char *text, size_t length)
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

/* Write a piece as an option, decoded. */
static void coap2i_write_decoded(coap2_writer *w, uint16_t number,
                                 const char *text, size_t length)
{
    size_t at = 0, i;
    coap2_write_opt(w, number, NULL, coap2i_uri_decoded(text, length));
    if (w->error != COAP2_OK) return;
    for (i = 0; at < length; i++) w->value[i] = coap2i_uri_byte(text, &at);
}

/* Write the host as an option: first lower-cased, then decoded (RFC 7252 6.4
   step 5), so that a letter which was encoded keeps its case. */
static void coap2i_write_host(coap2_writer *w, const coap2_uri *uri)
{
    size_t at = 0, i;
    coap2_write_opt(w, COAP2_OPT_URI_HOST, NULL,
                    coap2i_uri_decoded(uri->host, uri->host_length));
    if (w->error != COAP2_OK) return;
    for (i = 0; at < uri->host_length; i++) {
        bool plain = coap2i_is_letter(uri->host[at]);
        uint8_t byte = coap2i_uri_byte(uri->host, &at);
        w->value[i] = (uint8_t)(plain ? byte | 0x20u : byte);
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
    if (uri->kind == COAP2_HOST_NAME) coap2i_write_host(w, uri);
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
    (void)coap2i_attr_parse(text, (size_t)(attr->end - text), &at, attr);
    return true;
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

/* What a filter asks for. */
typedef struct coap2i_pattern {
    const char *text;
    size_t length;
    bool prefix; /* a star stood at the end */
    bool list;   /* one member will do */
} coap2i_pattern;

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
static bool coap2i_is_list(const char *name, size_t length)
{
    return coap2i_is_word(name, length, COAP2_TEXT("rt")) ||
           coap2i_is_word(name, length, COAP2_TEXT("if")) ||
           coap2i_is_word(name, length, COAP2_TEXT("ct")) ||
           coap2i_is_word(name, length, COAP2_TEXT("rel")) ||
           coap2i_is_word(name, length, COAP2_TEXT("rev"));
}

COAP2_DEF bool coap2_link_matches(const coap2_link *link, const char *query,
                                  size_t length)
{
    coap2_attr attr = coap2_link_attrs(link);
    coap2i_pattern pattern;
    size_t name = 0;
    if (length == 0u) return true;
    while (name < length && query[name] != '=') name++;
    pattern.prefix = name == length || query[length - 1u] == '*';
    pattern.text = query + name + (name != length);
    pattern.length = (size_t)(query + length - pattern.text);
    if (pattern.length != 0u && pattern.prefix) pattern.length--;
    pattern.list = coap2i_is_list(query, name);
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
    if (w->body_length != 0u) coap2_write_body(w, ",", 1);
    coap2_write_body(w, "<", 1);
    coap2_write_body(w, target, length);
    coap2_write_body(w, ">", 1);
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
    coap2_write_body(w, ";", 1);
    coap2_write_body(w, name, name_length);
    if (value == NULL) return;
    coap2_write_body(w, "=", 1);
    if (coap2i_is_bare(name, name_length, value, length)) {
        if (length == 0u || coap2i_attr_token(value, length, 0) != length)
            coap2i_fail(w, COAP2_ERR_ARG);
        coap2_write_body(w, value, length);
        return;
    }
    coap2_write_body(w, "\"", 1);
    for (i = 0; i < length; i++) {
        if (coap2i_wants_escape(value[i])) coap2_write_body(w, "\\", 1);
        coap2_write_body(w, value + i, 1);
    }
    coap2_write_body(w, "\"", 1);
}

#endif /* COAP2_WITH_LINKS */

/* ---- >>fields: values and fields -----------------------------------------
   Knows variables by their rows, exact decimals, and three ways to write both:
   text, JSON (RFC 8259) and CBOR (RFC 8949). Knows no messages but the
   writer's body, and no resources. */

#if COAP2_WITH_FIELDS

/* A decimal: magnitude * 10^exponent. It is exact, unless digits had to be
   rounded away. An exponent of COAP2I_HUGE or COAP2I_TINY says no more than
   that. */
typedef struct coap2i_number {
    uint32_t magnitude;
    int8_t exponent;
    bool negative;
    bool rounded;
} coap2i_number;

enum { COAP2I_HUGE = 127, COAP2I_TINY = -128 };

#define COAP2I_TENTH_OF_ALL (UINT32_MAX / 10u) /* what can be ten times more */

enum { COAP2I_DIGITS = 10 }; /* of 32 bits */

static const uint32_t coap2i_powers_32[] COAP2_FLASH = {
    1000000000u, 100000000u, 10000000u, 1000000u, 100000u,
    10000u,      1000u,      100u,      10u,      1u};
static const uint16_t coap2i_powers_16[] COAP2_FLASH = {10000u, 1000u, 100u,
                                                        10u, 1u};

/* The digits of a number by subtraction, since a division costs a small
   machine more. Returns the end of them; zero has none. */
COAP2I_RARE uint8_t *coap2i_digits_32(uint8_t *digits, uint32_t rest)
{
    const uint32_t *at = coap2i_powers_32;
    uint8_t *to = digits;
    uint32_t power;
    do {
        power = COAP2I_FLASH_U32(at++);
        for (*to = '0'; rest >= power; rest -= power) ++*to;
        if (to != digits || *to != '0') to++;
    } while (power != 1u);
    return to;
}

/* Most numbers are small. */
static uint8_t *coap2i_digits(uint8_t *digits, uint32_t magnitude)
{
    const uint16_t *at = coap2i_powers_16;
    uint8_t *to = digits;
    uint16_t rest = (uint16_t)magnitude, power;
    if (rest != magnitude) return coap2i_digits_32(digits, magnitude);
    do {
        uint8_t digit = '0';
        power = COAP2I_FLASH_WORD(uint16_t, at++);
        for (; rest >= power; digit++) rest = (uint16_t)(rest - power);
        if (to != digits || digit != '0') *to++ = digit;
    } while (power != 1u);
    return to;
}

enum { COAP2I_NUMBER_TEXT = 20 }; /* a sign, ten digits, nine zeros */

/* Write a number in plain digits, as few as are exact; returns what follows.
   Places count from the first digit: those before it and behind the last are
   zeros. */
static uint8_t *coap2i_put_number(uint8_t *to, const coap2i_number *n)
{
    uint8_t digits[COAP2I_DIGITS], *digit = digits;
    int8_t left = (int8_t)(coap2i_digits(digits, n->magnitude) - digits);
    int8_t before = 0; /* places before the point, or zeros behind it */
    if (left != 0) before = (int8_t)(left + n->exponent);
    while (left > before && left > 0 && digits[left - 1] == '0') left--;
    if (n->negative) *to++ = '-';
    if (before <= 0) *to++ = '0';
    for (; before > 0; before--, left--)
        *to++ = left > 0 ? *digit++ : (uint8_t)'0';
    if (left <= 0) return to;
    *to++ = '.';
    for (; before < 0; before++) *to++ = '0';
    for (; left > 0; left--) *to++ = *digit++;
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

static void coap2i_field_number(const coap2_field *field, uint8_t type,
                                coap2i_number *n)
{
    coap2_getter_fn get = COAP2I_FLASH_WORD(coap2_getter_fn, &field->getter);
    uint32_t value = get != NULL
                         ? (uint32_t)get()
                         : coap2i_load(coap2i_field_variable(field), type);
    n->negative = (type & COAP2I_SIGNED) && value > INT32_MAX;
    n->magnitude = n->negative ? 0u - value : value;
    n->exponent = (int8_t)COAP2I_FLASH_BYTE(&field->exponent);
}

/* The length of a text; its array may be full, without a NUL. */
static size_t coap2i_field_length(const coap2_field *field)
{
    const char *text = (const char *)coap2i_field_variable(field);
    uint16_t size = COAP2I_FLASH_WORD(uint16_t, &field->size), length = 0;
    while (length < size && text[length] != '\0') length++;
    return length;
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
static uint8_t *coap2i_put_plain(uint8_t *to, const coap2_field *field,
                                 uint8_t type)
{
    coap2i_number n;
    coap2i_field_number(field, type, &n);
    if (type == COAP2_BOOL) return coap2i_put_bool(to, n.magnitude != 0u);
    return coap2i_put_number(to, &n);
}

/* Write a text in quotes. Quotes and backslashes get a backslash; control
   characters too, in JSON (RFC 8259 7). */
static void coap2i_write_quoted(coap2_writer *w, const char *text,
                                size_t length, bool json)
{
    size_t i;
    coap2_write_body(w, "\"", 1);
    for (i = 0; i < length; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c == '"' || c == '\\') coap2_write_body(w, "\\", 1);
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
        coap2_write_body(w, &text[i], 1);
    }
    coap2_write_body(w, "\"", 1);
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

COAP2I_RARE void coap2i_write_chars(coap2_writer *w, const coap2_field *field,
                                    bool in_list)
{
    const char *text = (const char *)coap2i_field_variable(field);
    size_t length = coap2i_field_length(field);
    if (in_list && coap2i_needs_quotes(text, length))
        coap2i_write_quoted(w, text, length, false);
    else
        coap2_write_body(w, text, length);
}

static void coap2i_write_text_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], left;
    for (left = count; left != 0u; left--, field++) {
        uint8_t *to = piece, type = COAP2I_FLASH_BYTE(&field->type);
        if (left != count) *to++ = ' ';
        if (count != 1u) {
            to = coap2i_put_name(to, field);
            *to++ = '=';
        }
        if (type != COAP2_CHARS) to = coap2i_put_plain(to, field, type);
        coap2_write_body(w, piece, (size_t)(to - piece));
        if (type == COAP2_CHARS) coap2i_write_chars(w, field, count != 1u);
    }
}

#if COAP2_WITH_JSON

static void coap2i_write_json_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], i;
    coap2_write_body(w, "{", 1);
    for (i = 0; i < count; i++, field++) {
        uint8_t *to = piece, type = COAP2I_FLASH_BYTE(&field->type);
        if (i != 0u) *to++ = ',';
        *to++ = '"';
        to = coap2i_put_name(to, field);
        *to++ = '"';
        *to++ = ':';
        if (type != COAP2_CHARS) to = coap2i_put_plain(to, field, type);
        coap2_write_body(w, piece, (size_t)(to - piece));
        if (type == COAP2_CHARS)
            coap2i_write_quoted(w, (const char *)coap2i_field_variable(field),
                                coap2i_field_length(field), true);
    }
    coap2_write_body(w, "}", 1);
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
static uint8_t *coap2i_put_cbor_number(uint8_t *to, const coap2i_number *n)
{
    uint32_t magnitude = n->magnitude;
    int8_t exponent = n->exponent;
    for (; exponent > 0 && magnitude <= COAP2I_TENTH_OF_ALL; exponent--)
        magnitude *= 10u;
    if (exponent == 0) return coap2i_put_cbor_int(to, magnitude, n->negative);
    exponent = n->exponent;
    to = coap2i_put_cbor(to, COAP2I_CBOR_TAG, COAP2I_CBOR_DECIMAL);
    to = coap2i_put_cbor(to, COAP2I_CBOR_ARRAY, 2);
    to = coap2i_put_cbor_int(to, (uint8_t)(exponent < 0 ? -exponent : exponent),
                             exponent < 0);
    return coap2i_put_cbor_int(to, n->magnitude, n->negative);
}

static uint8_t *coap2i_put_cbor_plain(uint8_t *to, const coap2_field *field,
                                      uint8_t type)
{
    coap2i_number n;
    coap2i_field_number(field, type, &n);
    if (type != COAP2_BOOL) return coap2i_put_cbor_number(to, &n);
    return coap2i_put_cbor(to, COAP2I_CBOR_SIMPLE,
                           n.magnitude != 0u ? COAP2I_CBOR_TRUE
                                             : COAP2I_CBOR_FALSE);
}

static void coap2i_write_cbor_fields(coap2_writer *w, const coap2_field *field,
                                     uint8_t count)
{
    uint8_t piece[COAP2I_PIECE], *to, i;
    to = coap2i_put_cbor(piece, COAP2I_CBOR_MAP, count);
    coap2_write_body(w, piece, (size_t)(to - piece));
    for (i = 0; i < count; i++, field++) {
        uint8_t type = COAP2I_FLASH_BYTE(&field->type);
        uint8_t length = (uint8_t)(coap2i_put_name(piece, field) - piece);
        size_t text = 0;
        to = coap2i_put_cbor(piece, COAP2I_CBOR_TEXT, length);
        to = coap2i_put_name(to, field);
        if (type == COAP2_CHARS) {
            text = coap2i_field_length(field);
            to = coap2i_put_cbor(to, COAP2I_CBOR_TEXT, (uint32_t)text);
        } else {
            to = coap2i_put_cbor_plain(to, field, type);
        }
        coap2_write_body(w, piece, (size_t)(to - piece));
        coap2_write_body(w, coap2i_field_variable(field), text);
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

/* A text as it stands in a payload, its escapes in place. It was checked. */
typedef struct coap2i_text {
    const uint8_t *at, *end;
    uint8_t form;
#if COAP2_WITH_JSON
    uint8_t waiting; /* bytes of a character that was an escape, */
    uint8_t rest[3]; /* the last one first                       */
#endif
} coap2i_text;

enum {
    COAP2I_PLAIN,  /* no escapes                    */
    COAP2I_QUOTED, /* a backslash keeps what follows */
    COAP2I_JSON    /* RFC 8259 7                    */
};

/* What a payload says. */
typedef struct coap2i_value {
    uint8_t kind;
    coap2i_number number; /* a bool is 0 or 1 */
    coap2i_text text;     /* at NULL: it cannot be read as a text */
} coap2i_value;

enum {
    COAP2I_NOTHING, /* null, a byte string, not a number ... */
    COAP2I_NUMBER,
    COAP2I_BOOL,
    COAP2I_TEXT,
    COAP2I_NESTED /* reading cannot go on behind it */
};

typedef struct coap2i_member {
    coap2i_text name; /* at NULL: the payload is one value, without a name */
    coap2i_value value;
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

static void coap2i_text_set(coap2i_text *text, const uint8_t *at,
                            const uint8_t *end, uint8_t form)
{
    text->at = at;
    text->end = end;
    text->form = form;
#if COAP2_WITH_JSON
    text->waiting = 0;
#endif
}

/* A number on its way in, digit by digit. Zeros wait until a digit follows,
   so that 25.500000000000 needs no more room than 25.5. */
typedef struct coap2i_decimal {
    uint32_t magnitude;
    uint32_t before; /* the magnitude without its last digit */
    int32_t exponent;
    size_t zeros;
    uint8_t last;
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
        d->last = digit;
        d->magnitude = magnitude * 10u + digit;
        return;
    }
    d->rounded = true;
    d->exponent++;
    if (magnitude >= 1000000000u) {
        magnitude = d->before;
        digit = d->last;
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

static void coap2i_number_set(coap2i_number *n, uint32_t magnitude,
                              int32_t exponent, bool negative)
{
    if (magnitude == 0u) exponent = 0;
    if (exponent > COAP2I_HUGE) exponent = COAP2I_HUGE;
    if (exponent < COAP2I_TINY) exponent = COAP2I_TINY;
    n->magnitude = magnitude;
    n->exponent = (int8_t)exponent;
    n->negative = negative && magnitude != 0u;
    n->rounded = false;
}

/* A number that is all of a text; JSON wants no zeros before it. */
static bool coap2i_number_parse(coap2i_number *n, const uint8_t *at,
                                const uint8_t *end, bool json)
{
    coap2i_decimal d = {0, 0, 0, 0, 0, false};
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
        d.exponent -= (int32_t)(at - first);
    }
    if (at != end && (*at | 0x20) == 'e') {
        at = coap2i_take_exponent(&d, at + 1, end);
        if (at == NULL) return false;
    }
    coap2i_number_set(n, d.magnitude, d.exponent + (int32_t)d.zeros, negative);
    n->rounded = d.rounded;
    return at == end;
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

/* What a word without quotes says: a number, a bool, else a text. */
static void coap2i_read_word(coap2i_value *value, const uint8_t *at,
                             const uint8_t *end, bool json)
{
    coap2i_text_set(&value->text, at, end, COAP2I_PLAIN);
    value->kind = COAP2I_TEXT;
    if (coap2i_number_parse(&value->number, at, end, json)) {
        value->kind = COAP2I_NUMBER;
    } else if (coap2i_bytes_are(at, end, COAP2_TEXT("true"))) {
        value->kind = COAP2I_BOOL;
        coap2i_number_set(&value->number, 1, 0, false);
    } else if (coap2i_bytes_are(at, end, COAP2_TEXT("false"))) {
        value->kind = COAP2I_BOOL;
        coap2i_number_set(&value->number, 0, 0, false);
    }
}

static void coap2i_skip_blanks(coap2i_reader *r)
{
    while (r->at != r->end && coap2i_is_blank(*r->at)) r->at++;
}

/* A text between quotes, where a backslash keeps the byte behind it. */
static bool coap2i_read_quoted(coap2i_reader *r, coap2i_text *text)
{
    const uint8_t *at = r->at + 1;
    for (; at != r->end && *at != '"'; at++)
        if (*at == '\\' && ++at == r->end) break;
    if (at == r->end) return false;
    coap2i_text_set(text, r->at + 1, at, COAP2I_QUOTED);
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
    coap2i_text_set(&m->name, first, r->at++, COAP2I_PLAIN);
    if (r->at != r->end && *r->at == '"') {
        m->value.kind = COAP2I_TEXT;
        return coap2i_read_quoted(r, &m->value.text) ? COAP2I_STEP
                                                     : COAP2I_MALFORMED;
    }
    first = r->at;
    while (r->at != r->end && !coap2i_is_blank(*r->at)) r->at++;
    coap2i_read_word(&m->value, first, r->at, false);
    return COAP2I_STEP;
}

/* All of the payload is one value, which is a text as it stands. */
static coap2i_step coap2i_next_alone(coap2i_reader *r, coap2i_member *m)
{
    const uint8_t *first = r->at, *last = r->end;
    coap2i_text all;
    if (r->begun) return COAP2I_END;
    r->begun = true;
    coap2i_text_set(&all, first, last, COAP2I_PLAIN);
    while (first != last && coap2i_is_blank(*first)) first++;
    while (first != last && coap2i_is_blank(last[-1])) last--;
    coap2i_read_word(&m->value, first, last, false);
    m->value.text = all;
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

static bool coap2i_read_json_string(coap2i_reader *r, coap2i_text *text)
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
    coap2i_text_set(text, r->at + 1, at, COAP2I_JSON);
    r->at = at + 1;
    return true;
}

static bool coap2i_read_json_value(coap2i_reader *r, coap2i_value *value)
{
    const uint8_t *first = r->at;
    if (first == r->end) return false;
    value->text.at = NULL;
    value->kind = COAP2I_NESTED;
    if (*first == '{' || *first == '[') return true;
    value->kind = COAP2I_TEXT;
    if (*first == '"') return coap2i_read_json_string(r, &value->text);
    while (r->at != r->end && *r->at != ',' && *r->at != '}' &&
           !coap2i_is_blank(*r->at))
        r->at++;
    coap2i_read_word(value, first, r->at, true);
    value->text.at = NULL;
    if (value->kind != COAP2I_TEXT) return true;
    value->kind = COAP2I_NOTHING;
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
    if (byte != '\\' || text->form == COAP2I_PLAIN) return byte;
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
                               coap2i_text *text)
{
    const uint8_t *first = r->at;
    if (head->high != 0u || head->value > (size_t)(r->end - first))
        return false;
    r->at += (size_t)head->value;
    coap2i_text_set(text, first, r->at, COAP2I_PLAIN);
    return true;
}

/* An integer; what 32 bits do not hold is huge. */
static void coap2i_cbor_int(const coap2i_cbor *head, coap2i_number *n)
{
    uint32_t more = head->major == COAP2I_CBOR_NEGATIVE ? 1u : 0u;
    uint32_t magnitude = head->value + more;
    bool huge = head->high != 0u || magnitude < more;
    coap2i_number_set(n, huge ? 1u : magnitude, huge ? COAP2I_HUGE : 0,
                      more != 0u);
}

/* The two integers of a decimal fraction (RFC 8949 3.4.4). */
static bool coap2i_read_fraction(coap2i_reader *r, coap2i_number *n)
{
    coap2i_cbor head;
    coap2i_number exponent;
    int32_t shift;
    if (!coap2i_read_head(r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_cbor_int(&head, &exponent);
    if (!coap2i_read_head(r, &head) || head.major > COAP2I_CBOR_NEGATIVE)
        return false;
    coap2i_cbor_int(&head, n);
    shift = COAP2I_HUGE;
    if (exponent.exponent == 0 && exponent.magnitude < COAP2I_HUGE)
        shift = (int32_t)exponent.magnitude;
    if (exponent.negative) shift = -shift - (shift == COAP2I_HUGE);
    coap2i_number_set(n, n->magnitude, n->exponent + shift, n->negative);
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
static bool coap2i_float_read(coap2i_number *n, const uint8_t *bytes,
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
    coap2i_number_set(n, value, f.ten, (bytes[0] & 0x80u) != 0u);
    return true;
}

/* A bool, a float, or nothing that we know; the head was read. */
static bool coap2i_read_simple(coap2i_reader *r, const coap2i_cbor *head,
                               coap2i_value *value)
{
    uint8_t size;
    value->kind = COAP2I_NOTHING;
    if (head->info == COAP2I_CBOR_FALSE || head->info == COAP2I_CBOR_TRUE) {
        value->kind = COAP2I_BOOL;
        coap2i_number_set(&value->number, head->info == COAP2I_CBOR_TRUE, 0,
                          false);
    } else if (head->info >= COAP2I_CBOR_HALF) {
        size = (uint8_t)(1u << (head->info - 24u));
        if (coap2i_float_read(&value->number, r->at - size, size))
            value->kind = COAP2I_NUMBER;
    } else if (head->info == 24u && head->value < 32u) {
        return false; /* 3.3 */
    }
    return true;
}

static bool coap2i_read_cbor_value(coap2i_reader *r, coap2i_value *value)
{
    coap2i_cbor head;
    if (!coap2i_read_item(r, &head)) return false;
    value->text.at = NULL;
    value->kind = COAP2I_NUMBER;
    if (head.decimal && head.major == COAP2I_CBOR_ARRAY && head.info == 2u)
        return coap2i_read_fraction(r, &value->number);
    if (head.major <= COAP2I_CBOR_NEGATIVE) {
        coap2i_cbor_int(&head, &value->number);
        return true;
    }
    if (head.major == COAP2I_CBOR_SIMPLE)
        return coap2i_read_simple(r, &head, value);
    value->kind = COAP2I_NESTED;
    if (head.major > COAP2I_CBOR_TEXT || head.info == COAP2I_CBOR_OPEN)
        return true;
    if (!coap2i_read_string(r, &head, &value->text)) return false;
    value->kind = COAP2I_TEXT;
    if (head.major == COAP2I_CBOR_TEXT) return true;
    value->kind = COAP2I_NOTHING;
    value->text.at = NULL;
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
    m->name.at = NULL;
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
static const char *coap2i_fit(const coap2i_number *n, uint8_t type,
                              int8_t exponent, uint32_t *value)
{
    uint32_t magnitude = n->magnitude;
    int16_t shift = (int16_t)(n->exponent - exponent);
    if (magnitude == 0u) shift = 0;
    for (; shift > 0; shift--) {
        if (magnitude > COAP2I_TENTH_OF_ALL) return COAP2_TEXT("out of range");
        magnitude *= 10u;
    }
    for (; shift < 0; shift++)
        if (!coap2i_drop_zero(&magnitude))
            return COAP2_TEXT("too many decimals");
    if (n->rounded) return COAP2_TEXT("too many decimals");
    if (magnitude > coap2i_most(type, n->negative))
        return COAP2_TEXT("out of range");
    *value = n->negative ? 0u - magnitude : magnitude;
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

static const char *coap2i_set_text(char *array, uint16_t size, coap2i_text text,
                                   bool apply)
{
    uint16_t length = 0;
    int16_t byte;
    if (text.at == NULL) return COAP2_TEXT("not a text");
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
                                    const coap2i_value *value, bool apply)
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
                               COAP2I_FLASH_WORD(uint16_t, &field->size),
                               value->text, apply);
    if (value->kind != COAP2I_NUMBER &&
        (type != COAP2_BOOL || value->kind != COAP2I_BOOL))
        return type == COAP2_BOOL ? COAP2_TEXT("not true or false")
                                  : COAP2_TEXT("not a number");
    why = coap2i_fit(&value->number, type,
                     (int8_t)COAP2I_FLASH_BYTE(&field->exponent), &number);
    if (why == NULL && apply) coap2i_store(variable, type, number);
    return why;
}

static bool coap2i_is_name(const coap2_field *field, coap2i_text name)
{
    uint8_t i;
    for (i = 0;; i++) { /* a name ends with a NUL within its row */
        char c = coap2i_flash_char(&field->name[i]);
        int16_t byte = coap2i_next_byte(&name);
        if (byte < 0) return c == '\0';
        if (byte == 0 || (uint8_t)c != byte) return false;
    }
}

/* The field that a member names; `count` if there is none. */
static uint8_t coap2i_find_field(const coap2_field *fields, uint8_t count,
                                 const coap2i_text *name)
{
    uint8_t i = 0;
    if (name->at == NULL) return 0;
    while (i < count && !coap2i_is_name(&fields[i], *name)) i++;
    return i;
}

/* Walk through a payload, and check it or set what it says. Returns why it is
   refused, or NULL. */
static const char *coap2i_read_fields(coap2i_reader r,
                                      const coap2_field *fields, uint8_t count,
                                      coap2_field_fault *fault, bool apply)
{
    uint8_t seen[32];
    coap2i_member m;
    coap2i_step step;
    memset(seen, 0, sizeof seen);
    while ((step = coap2i_next_member(&r, &m)) != COAP2I_END) {
        const char *why = COAP2_TEXT("malformed");
        uint8_t i, bit;
        fault->name = (const char *)m.name.at;
        fault->name_length =
            m.name.at == NULL ? 0u : (size_t)(m.name.end - m.name.at);
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
    coap2i_reader r;
    if (!coap2i_is_field_format(format)) return COAP2_ERR_ARG;
    memset(&r, 0, sizeof r);
    r.at = bytes;
    r.end = bytes + length;
    r.format = format;
    r.alone = coap2i_is_alone(fields, count, bytes, length);
    fault->flash_why = coap2i_read_fields(r, fields, count, fault, false);
    if (fault->flash_why != NULL) return COAP2_ERR_FORMAT;
    (void)coap2i_read_fields(r, fields, count, fault, true);
    return COAP2_OK;
}

#endif /* COAP2_WITH_FIELDS */

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
