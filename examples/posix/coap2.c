/* coap2.c - the tool: CoAP from the command line.

   cc -I../.. coap2.c -o coap2, then: coap2 help

   One row of `commands` is all there is to a command: what it is called with,
   what its help says, and the function that runs it. */

#define COAP2_IMPLEMENTATION
#include "coap2.h"

#include <errno.h>

#include "cmd_decode.h"
#include "cmd_links.h"
#include "cmd_uri.h"
#include "tool.h"

/* ---- the commands ------------------------------------------------------- */

typedef struct command {
    const char *name;
    const char *arguments;
    int least, most; /* of arguments */
    int (*run)(const call *c);
    const char *summary;
    const char *help;
} command;

enum { ANY_NUMBER = 1 << 30 };

static const command commands[] = {
    {"decode", "HEX | -", 1, ANY_NUMBER, run_decode,
     "show what a datagram says",
     "HEX is the datagram in hexadecimal digits; blanks, colons and 0x "
     "between\n"
     "bytes do not matter. With - the raw bytes are read from standard input.\n"
     "\n"
     "    coap2 decode 61 45 7d 35 20 c0 ff 32 32 2e 33 20 43\n"},
    {"uri", "URI", 1, 1, run_uri, "show the options that a URI becomes",
     "URI is an absolute one: coap, coaps, coap+tcp, coaps+tcp, coap+ws or\n"
     "coaps+ws. What is shown last is the URI that the options become again.\n"
     "\n"
     "    coap2 uri 'coap://node1.local/sensors/temp?unit=c'\n"},
    {"links", "[QUERY] < FILE", 0, 1, run_links,
     "show the links of a list that match",
     "FILE is a list as /.well-known/core answers it (RFC 6690). QUERY is\n"
     "NAME=VALUE, or NAME alone; a * at the end of VALUE stands for anything.\n"
     "Of several, joined by &, all must match. It is compared as it stands,\n"
     "without percent-decoding.\n"
     "\n"
     "    coap2 links 'rt=temp*&obs' < core.txt\n"},
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

static void print_overview(FILE *out)
{
    size_t i;

    fputs("usage: coap2 COMMAND [--json] [ARGUMENT...]\n\n", out);
    for (i = 0; i < COMMANDS; i++)
        fprintf(out, "    %-7s %-16s %s\n", commands[i].name,
                commands[i].arguments, commands[i].summary);
    fputs("    help    [COMMAND]        say more about a command\n"
          "\n"
          "Options may stand before or after arguments; -- ends them.\n"
          "    --json     for programs: one line of JSON each\n"
          "    --help     this text, or that of the command\n"
          "    --version  the version\n"
          "\n"
          "Exit status: 0 done, 1 malformed input or no input or output,\n"
          "2 bad usage.\n",
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
} options;

static bool read_option(options *o, const char *text)
{
    if (strcmp(text, "--json") == 0)
        o->json = true;
    else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
        o->help = true;
    else if (strcmp(text, "--version") == 0)
        o->version = true;
    else
        return false;
    return true;
}

/* Sort the words: options are read, arguments move to the front of argv. A
   single `-` is an argument, `--` makes arguments of all that follow. Returns
   how many there are, or -1 for a word that looks like an option and is
   none, which is then argv[0]. */
static int sort_words(options *o, int argc, char **argv)
{
    int from, to = 0;
    bool ended = false;

    for (from = 0; from < argc; from++) {
        if (ended || argv[from][0] != '-' || argv[from][1] == '\0') {
            argv[to++] = argv[from];
        } else if (strcmp(argv[from], "--") == 0) {
            ended = true;
        } else if (!read_option(o, argv[from])) {
            argv[0] = argv[from];
            return -1;
        }
    }
    return to;
}

static int run_command(const command *cmd, const call *c)
{
    if (c->count < cmd->least) {
        complain(BAD_USAGE, "usage: coap2 %s %s", cmd->name, cmd->arguments);
        return BAD_USAGE;
    }
    if (c->count > cmd->most)
        return bad_usage("too many arguments", c->arguments[cmd->most]);
    return cmd->run(c);
}

static int run(int argc, char **argv)
{
    options o = {false, false, false};
    int words = sort_words(&o, argc, argv);
    const command *cmd;
    call c;

    if (words < 0) return bad_usage("there is no such option", argv[0]);
    if (o.version) {
        puts("coap2 " COAP2_VERSION);
        return DONE;
    }
    if (words == 0 && o.help) {
        print_overview(stdout);
        return DONE;
    }
    if (words == 0) {
        print_overview(stderr);
        return BAD_USAGE;
    }
    c.arguments = argv + 1;
    c.count = words - 1;
    c.json = o.json;
    if (strcmp(argv[0], "help") == 0) return run_help(&c);
    cmd = find_command(argv[0]);
    if (cmd == NULL) return unknown_command(argv[0]);
    if (o.help) {
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
    return finish(run(argc > 0 ? argc - 1 : 0, argv + 1));
}
