/* coap2.c - the tool: CoAP from the command line.

   cc -I../.. coap2.c -o coap2, then: coap2 help

   One row of `commands` is all there is to a command: what it is called with,
   what its help says, and the function that runs it. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* NOLINT: for udp.h */
#endif

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <errno.h>

#include "cmd_decode.h"
#include "cmd_find.h"
#include "cmd_links.h"
#include "cmd_match.h"
#include "cmd_observe.h"
#include "cmd_request.h"
#include "cmd_slip.h"
#include "cmd_subscribe.h"
#include "cmd_uri.h"
#include "tool.h"

/* ---- the commands ------------------------------------------------------- */

typedef struct command {
    const char *name;
    const char *letters; /* of its options; a `:` behind one with a value */
    const char *arguments;
    int least, most; /* of arguments */
    int (*run)(const call *c);
    const char *summary;
    const char *help;
} command;

enum { ANY_NUMBER = 1 << 30 };

static const char request_help[] =
    "The payload of the answer goes to standard output as it is, its code to\n"
    "standard error. The exit status is 0 for a code 2.xx, 4 for 4.xx, 5 for\n"
    "5.xx, and 1 where there is no answer. Of a group all answers are shown,\n"
    "each with its peer. Bodies may have any size: what is more than a block "
    "is\n"
    "sent and received in several. A host is an address, a name that this "
    "machine\n"
    "knows, or the name of a CoAP node nearby, which is looked for. The "
    "options\n"
    "are those of coap-client:\n"
    "\n"
    "    -e TEXT       payload; %20 in it is a blank\n"
    "    -f FILE       payload from a file; - is standard input\n"
    "    -b SIZE       blocks of 16, 32, 64 ... 1024 bytes, both ways\n"
    "    -t FORMAT     its Content-Format, by number or name: 50, json,\n"
    "                  application/json\n"
    "    -A FORMAT     Accept, likewise\n"
    "    -O NUM,VALUE  any option; VALUE is text, or 0x and hex digits\n"
    "    -T TOKEN      a text of up to 8 bytes\n"
    "    -N            non-confirmable\n"
    "    -B SECONDS    wait for each message so long: 93, or 7 for a group\n"
    "    -a ADDRESS    send from this address\n"
    "    -o FILE       write the payload of the answer there\n"
    "    -v            show what is sent and received, on standard error\n"
    "\n"
    "    coap2 get 'coap://[fe80::1%eth0]/temp'\n"
    "    coap2 put -e on -t text/plain coap://192.0.2.1/fan\n"
    "    coap2 get 'coap://224.0.1.187/.well-known/core?rt=temp*'\n";

static const char observe_help[] =
    "The state of the resource now, and each new one (RFC 7641), is a line on\n"
    "standard output; bytes that are no text are written \\x00 in it. Codes go "
    "to\n"
    "standard error. It ends after SECONDS or by Ctrl-C, and the server is "
    "told.\n"
    "The exit status is 0, or that of `get` where the server ends it by an "
    "error\n"
    "or does not answer; 1 too if the resource cannot be observed.\n"
    "\n"
    "    -s SECONDS    for so long; without it, until Ctrl-C\n"
    "    -A FORMAT     Accept, by number or name: 50, json, application/json\n"
    "    -O NUM,VALUE  any option; VALUE is text, or 0x and hex digits\n"
    "    -T TOKEN      a text of up to 8 bytes\n"
    "    -N            non-confirmable\n"
    "    -b SIZE       blocks of 16, 32, 64 ... 1024 bytes\n"
    "    -B SECONDS    wait for the answer so long: 93\n"
    "    -a ADDRESS    send from this address\n"
    "    -o FILE       write the lines there\n"
    "    -v            show what is sent and received, on standard error\n"
    "\n"
    "    coap2 observe -s 60 coap://192.0.2.1/climate\n";

static const char subscribe_help[] =
    "The value of the resource now, and each new one that RULE asks for, is a\n"
    "line on standard output: the time, why it came, and the value. Why is\n"
    "first, match, or period: that of pmax, and the sign of life that comes "
    "once\n"
    "a day. On a terminal the course of a number is drawn below: that of the\n"
    "field that RULE names first. A server without rules sends each change, "
    "of\n"
    "which those are shown that RULE asks for; coap2 match tries it on "
    "values.\n"
    "It ends after SECONDS or by Ctrl-C, and the server is told.\n"
    "The exit status is 0, 4 where RULE or the subscription is refused or "
    "ended\n"
    "by an error, and 1 where there is no answer.\n"
    "\n"
    "    -q 0|1        1: notifications are confirmed; 0: some may be lost\n"
    "    -s SECONDS    for so long; without it, until Ctrl-C\n"
    "    -A FORMAT     Accept, by number or name: 50, json, application/json\n"
    "    -O NUM,VALUE  any option; VALUE is text, or 0x and hex digits\n"
    "    -T TOKEN      a text of up to 8 bytes\n"
    "    -b SIZE       blocks of 16, 32, 64 ... 1024 bytes\n"
    "    -B SECONDS    wait for the answer so long: 93\n"
    "    -a ADDRESS    send from this address\n"
    "    -o FILE       write the lines there\n"
    "    -v            show what is sent and received, on standard error\n"
    "\n"
    "    coap2 subscribe coap://node1.local/climate 'temp > 20 and hum < 50'\n"
    "    coap2 subscribe coap://192.0.2.1/temp 'when > 30 until < 28 pmax "
    "60'\n";

static const char find_help[] =
    "The groups of all CoAP nodes nearby are asked: 224.0.1.187, ff02::fd and\n"
    "ff05::fd. Each node that answers is a line: its address, its name or -, "
    "and\n"
    "the links that were asked for. NAME is that of a node; PATHS are paths "
    "with\n"
    "commas between, of which any will do, and a * at the end of one stands "
    "for\n"
    "anything. Without either, everybody is asked for. With URI one node or "
    "group\n"
    "is asked alone; its query narrows the search, as does -O 15,QUERY. A "
    "node\n"
    "that has several addresses may answer from each.\n"
    "The exit status is 0 if anybody answered, else 1.\n"
    "\n"
    "    -s SECONDS    listen so long\n"
    "    -i INTERFACE  ask through this one only\n"
    "    -a ADDRESS    send from this address, through its interface\n"
    "    -A FORMAT     Accept: as json, paths have their methods\n"
    "    -O NUM,VALUE  any option; VALUE is text, or 0x and hex digits\n"
    "    -v            show what is sent and received, on standard error\n"
    "\n"
    "    coap2 find\n"
    "    coap2 find node1.local\n"
    "    coap2 find '/climate,/sensors/*' -s 3\n"
    "    coap2 find 'coap://224.0.1.187/?rt=climate'\n";

static const char ping_help[] =
    "An empty message is sent, which anybody rejects (RFC 7252 4.3). The exit\n"
    "status is 0 if so, and 1 if nothing comes. The path does not matter.\n"
    "\n"
    "    -B SECONDS    give up after them: 93\n"
    "    -a ADDRESS    send from this address\n"
    "    -v            show what is sent and received, on standard error\n"
    "\n"
    "    coap2 ping coap://192.0.2.1\n";

static const char slip_help[] =
    "Each datagram that comes to the port goes to the line as a frame of "
    "SLIP,\n"
    "with its sender's address before it, and what comes back goes where its "
    "own\n"
    "address says: a node with coap2_slip_recv and coap2_slip_send can be "
    "asked\n"
    "by everybody, each of whom it tells apart, and be found by its name. "
    "Frames\n"
    "that begin with a line feed are text, and shown. Where the line goes "
    "away,\n"
    "as that of USB does, it is waited for. Ends by Ctrl-C.\n"
    "\n"
    "    -b BAUD       speed of the line: 115200\n"
    "    -p PORT       of UDP, instead of 5683; 0 finds a free one\n"
    "    -a ADDRESS    listen at this address only\n"
    "    -i INTERFACE  join the groups of CoAP on this interface only\n"
    "    -v            show what goes to the line and comes from it\n"
    "\n"
    "    coap2 slip /dev/ttyACM0\n"
    "    coap2 get coap://127.0.0.1/climate\n";

static const char match_help[] =
    "Prints true, false or unknown; the exit status is 0 for true, else 1, "
    "and\n"
    "2 where the rule is malformed. VALUE is true, false, a number, else a\n"
    "string; a name that is not given is missing.\n"
    "\n"
    "With - states are read from standard input, one a line, and each "
    "answered\n"
    "by notify or by -. A line is t=SECONDS NAME=VALUE...; what is not given\n"
    "stays. The first line is the subscription; one with t alone lets time\n"
    "pass. A value with blanks stands in double quotes.\n"
    "\n"
    "RULE is the first word behind match, also if it starts with -.\n"
    "\n"
    "    coap2 match 'temp > 20 and hum < 50' temp=21.5 hum=40\n"
    "    printf 't=0 temp=20\\nt=9 temp=31\\n' | coap2 match 'when temp>30' "
    "-\n";

static const command commands[] = {
    {"decode", "", "HEX | -", 1, ANY_NUMBER, run_decode,
     "show what a datagram says",
     "HEX is the datagram in hexadecimal digits; blanks, colons and 0x "
     "between\n"
     "bytes do not matter. With - the raw bytes are read from standard input.\n"
     "\n"
     "    coap2 decode 61 45 7d 35 20 c0 ff 32 32 2e 33 20 43\n"},
    {"uri", "", "URI", 1, 1, run_uri, "show the options that a URI becomes",
     "URI is an absolute one: coap, coaps, coap+tcp, coaps+tcp, coap+ws or\n"
     "coaps+ws. What is shown last is the URI that the options become again.\n"
     "\n"
     "    coap2 uri 'coap://node1.local/sensors/temp?unit=c'\n"},
    {"links", "", "[QUERY] < FILE", 0, 1, run_links,
     "show the links of a list that match",
     "FILE is a list as /.well-known/core answers it (RFC 6690). QUERY is\n"
     "NAME=VALUE, or NAME alone; a * at the end of VALUE stands for anything.\n"
     "Of several, joined by &, all must match. It is compared as it stands,\n"
     "without percent-decoding.\n"
     "\n"
     "    coap2 links 'rt=temp*&obs' < core.txt\n"},
    {"match", "", "RULE [NAME=VALUE... | -]", 1, ANY_NUMBER, run_match,
     "try a rule on values", match_help},
    {"get", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "read a resource", request_help},
    {"post", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "hand a payload to a resource", request_help},
    {"put", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "create or replace a resource", request_help},
    {"delete", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "delete a resource", request_help},
    {"fetch", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "read what a payload asks for (RFC 8132)", request_help},
    {"patch", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "change parts of a resource (RFC 8132)", request_help},
    {"ipatch", REQUEST_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "the same, as often as you like", request_help},
    {"observe", OBSERVE_LETTERS, "[OPTION...] URI", 1, 1, run_observe,
     "read a resource, and whenever it changes", observe_help},
    {"subscribe", SUBSCRIBE_LETTERS, "[OPTION...] URI RULE", 2, 2,
     run_subscribe, "read a resource when a rule asks for it", subscribe_help},
    {"find", FIND_LETTERS, "[OPTION...] [NAME | PATHS] [URI]", 0, 2, run_find,
     "look for nodes nearby", find_help},
    {"ping", PING_LETTERS, "[OPTION...] URI", 1, 1, run_request,
     "see whether anybody is there", ping_help},
    {"slip", SLIP_LETTERS, "[OPTION...] DEVICE", 1, 1, run_slip,
     "reach a node on a serial line", slip_help},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const command *find_command(const char *name)
{
    size_t i;

    for (i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    return NULL;
}

/* ---- help --------------------------------------------------------------- */

/* Without [OPTION...]: the overview says of all of them where they stand. */
static const char *short_of(const char *arguments)
{
    static const char options[] = "[OPTION...] ";
    size_t length = sizeof options - 1;

    return strncmp(arguments, options, length) == 0 ? arguments + length
                                                    : arguments;
}

static void print_overview(FILE *out)
{
    size_t i;

    fputs("usage: coap2 COMMAND [OPTION...] [ARGUMENT...]\n\n", out);
    for (i = 0; i < COMMANDS; i++)
        fprintf(out, "    %-9s %-24s %s\n", commands[i].name,
                short_of(commands[i].arguments), commands[i].summary);
    fputs("    help      [COMMAND]                say more about a command\n"
          "\n"
          "Options may stand before or after arguments; -- ends them.\n"
          "    --json     for programs: one line of JSON each\n"
          "    --help     this text, or that of the command\n"
          "    --version  the version\n"
          "Those of one letter belong to a command: its help tells.\n"
          "\n"
          "Exit status: 0 done, 1 malformed input or no input, output or\n"
          "answer, 2 bad usage, 4 and 5 an answer of 4.xx or 5.xx.\n",
          out);
}

static void print_help(const command *cmd)
{
    printf("usage: coap2 %s [--json] %s\n\n%s: %s.\n\n%s", cmd->name,
           cmd->arguments, cmd->name, cmd->summary, cmd->help);
}

static int bad_usage(const char *what, const char *which)
{
    complain(BAD_USAGE, "%s%s%s", what, *which == '\0' ? "" : ": ", which);
    fputs("try: coap2 help\n", stderr);
    return BAD_USAGE;
}

static int unknown_command(const char *name)
{
    return bad_usage("there is no such command", name);
}

static int run_help(const call *c)
{
    const command *cmd;

    if (c->count > 1) return bad_usage("too many arguments", c->arguments[1]);
    if (c->count == 0) {
        print_overview(stdout);
        return DONE;
    }
    cmd = find_command(c->arguments[0]);
    if (cmd == NULL) return unknown_command(c->arguments[0]);
    print_help(cmd);
    return DONE;
}

/* ---- the command line --------------------------------------------------- */

typedef struct options {
    bool json, help, version;
    letter *letters;
    int letter_count;
    const char *fault; /* in the word that was read last */
} options;

/* Where a command takes it, an option of one letter stands in a list such as
   "e:N"; NULL if none does. Commands agree on which of them have a value. */
static const char *find_letter(const char *letters, char name)
{
    return name == ':' ? NULL : strchr(letters, name);
}

static const char *find_letter_anywhere(char name)
{
    const char *found = NULL;
    size_t i;

    for (i = 0; i < COMMANDS && found == NULL; i++)
        found = find_letter(commands[i].letters, name);
    return found;
}

static letter *add_letter(options *o, char name)
{
    size_t count = (size_t)o->letter_count++;
    letter *l;

    o->letters = must_have(realloc(o->letters, (count + 1) * sizeof *l));
    l = &o->letters[count];
    l->name = name;
    l->value = NULL;
    return l;
}

/* Read a word of letters, as getopt does: `-N`, `-Nv`, `-eTEXT`, or `-e` with
   TEXT in the next word. Returns how many words that were; 0 if it is wrong. */
static int read_letters(options *o, char **words)
{
    char *text;
    const char *known;
    letter *l;

    for (text = words[0] + 1; *text != '\0'; text++) {
        known = find_letter_anywhere(*text);
        if (known == NULL) return 0;
        l = add_letter(o, *text);
        if (known[1] != ':') continue;
        l->value = text + 1;
        if (text[1] != '\0') return 1;
        l->value = words[1];
        o->fault = "the option needs a value";
        return l->value == NULL ? 0 : 2;
    }
    return 1;
}

/* Read an option. Returns how many words it takes; 0 if it is wrong. */
static int read_option(options *o, char **words)
{
    o->fault = "there is no such option";
    if (strcmp(words[0], "--json") == 0)
        o->json = true;
    else if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
        o->help = true;
    else if (strcmp(words[0], "--version") == 0)
        o->version = true;
    else
        return read_letters(o, words);
    return 1;
}

/* Is this word a rule? Behind match one comes first, whatever it looks like;
   behind subscribe and its URI it is no option where it starts with a number,
   as in -5 < temp. */
static bool is_rule(char **argv, int arguments, const char *word)
{
    if (arguments == 1) return strcmp(argv[0], "match") == 0;
    return arguments == 2 && strcmp(argv[0], "subscribe") == 0 &&
           word[0] == '-' && isdigit((unsigned char)word[1]);
}

/* Sort the words: options are read, arguments move to the front of argv. A
   single `-` is an argument, `--` makes arguments of all that follow. Returns
   how many there are, or -1 for an option that is wrong, which is then
   argv[0]. */
static int sort_words(options *o, int argc, char **argv)
{
    int from = 0, to = 0, read;
    bool ended = false;

    while (from < argc) {
        if (ended || is_rule(argv, to, argv[from]) || argv[from][0] != '-' ||
            argv[from][1] == '\0') {
            argv[to++] = argv[from++];
        } else if (strcmp(argv[from], "--") == 0) {
            ended = true;
            from++;
        } else {
            read = read_option(o, argv + from);
            if (read == 0) {
                argv[0] = argv[from];
                return -1;
            }
            from += read;
        }
    }
    return to;
}

static int run_command(const command *cmd, const call *c)
{
    char name[] = "-?";
    int i;

    if (c->count < cmd->least) {
        complain(BAD_USAGE, "usage: coap2 %s %s", cmd->name, cmd->arguments);
        return BAD_USAGE;
    }
    if (c->count > cmd->most)
        return bad_usage("too many arguments", c->arguments[cmd->most]);
    for (i = 0; i < c->letter_count; i++) {
        name[1] = c->letters[i].name;
        if (find_letter(cmd->letters, name[1]) == NULL)
            return bad_usage("the command has no such option", name);
    }
    return cmd->run(c);
}

static int run(options *o, int argc, char **argv)
{
    int words = sort_words(o, argc, argv);
    const command *cmd;
    call c;

    if (words < 0) return bad_usage(o->fault, argv[0]);
    if (o->version) {
        puts("coap2 " COAP2_VERSION);
        return DONE;
    }
    if (words == 0 && o->help) {
        print_overview(stdout);
        return DONE;
    }
    if (words == 0) {
        print_overview(stderr);
        return BAD_USAGE;
    }
    c.arguments = argv + 1;
    c.count = words - 1;
    c.json = o->json;
    c.letters = o->letters;
    c.letter_count = o->letter_count;
    c.command = argv[0];
    if (strcmp(argv[0], "help") == 0) return run_help(&c);
    cmd = find_command(argv[0]);
    if (cmd == NULL) return unknown_command(argv[0]);
    if (o->help) {
        print_help(cmd);
        return DONE;
    }
    return run_command(cmd, &c);
}

/* What was not written was not done: a full disk is an error. */
static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    complain(FAILED, "standard output: %s", strerror(errno));
    return FAILED;
}

int main(int argc, char **argv)
{
    options o = {false, false, false, NULL, 0, NULL};
    int status = run(&o, argc > 0 ? argc - 1 : 0, argv + 1);

    free(o.letters);
    return finish(status);
}
