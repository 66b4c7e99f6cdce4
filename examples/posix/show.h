/* show.h - a message, shown to programs as JSON and to people as text. */

#ifndef SHOW_H
#define SHOW_H

#include <inttypes.h>

#include "tool.h"

/* ---- for programs ------------------------------------------------------- */

/* [[number,"hex"],...] */
static void json_options(const coap2_msg *msg)
{
    coap2_opt opt = msg->options;
    const char *before = "";

    fputc('[', stdout);
    while (coap2_opt_next(&opt)) {
        printf("%s[%u,", before, (unsigned)opt.number);
        put_json_hex(stdout, opt.value, opt.length);
        fputc(']', stdout);
        before = ",";
    }
    fputc(']', stdout);
}

static void json_message(const coap2_msg *msg)
{
    printf("{\"version\":1,\"type\":%u,\"code\":%u,\"mid\":%u,\"token\":",
           (unsigned)msg->type, (unsigned)msg->code, (unsigned)msg->id);
    put_json_hex(stdout, msg->token, msg->token_length);
    fputs(",\"options\":", stdout);
    json_options(msg);
    fputs(",\"payload\":", stdout);
    put_json_hex(stdout, msg->payload, msg->payload_length);
    fputs("}\n", stdout);
}

/* ---- for people --------------------------------------------------------- */

static bool is_block(uint16_t number)
{
    return number == COAP2_OPT_BLOCK1 || number == COAP2_OPT_BLOCK2 ||
           number == COAP2_OPT_Q_BLOCK1 || number == COAP2_OPT_Q_BLOCK2;
}

/* Signals have options of their own (RFC 8323 5.3 to 5.6), whose numbers mean
   something else in any other message. */
static coap2_opt_form signal_form(uint8_t code, uint16_t number)
{
    coap2_opt_form form = {number, UINT16_MAX, 0, COAP2_OPAQUE, true};

    if (code == COAP2_701_CSM)
        form.kind =
            number == COAP2_CSM_MAX_MESSAGE_SIZE ? COAP2_UINT : COAP2_OPAQUE;
    if (code == COAP2_704_RELEASE)
        form.kind = number == COAP2_RELEASE_ALTERNATIVE_ADDRESS ? COAP2_STRING
                    : number == COAP2_RELEASE_HOLD_OFF          ? COAP2_UINT
                                                                : COAP2_OPAQUE;
    if (code == COAP2_705_ABORT)
        form.kind =
            number == COAP2_ABORT_BAD_CSM_OPTION ? COAP2_UINT : COAP2_OPAQUE;
    return form;
}

/* The form of a value; anything will do for an option we do not know. */
static coap2_opt_form form_of(uint8_t code, uint16_t number)
{
    coap2_opt_form form, any = {number, UINT16_MAX, 0, COAP2_OPAQUE, true};

    if (COAP2_CODE_CLASS(code) == 7) return signal_form(code, number);
    return coap2_opt_known(number, &form) ? form : any;
}

static void show_opaque(const coap2_opt *opt)
{
    put_hex(stdout, opt->value, opt->length);
    if (is_text(opt->value, opt->length, false)) {
        fputs("  ", stdout);
        put_quoted(stdout, opt->value, opt->length);
    }
}

/* NUM/M/SIZE, as RFC 7959 3 writes it. */
static void show_block(const coap2_opt *opt)
{
    coap2_block block;

    if (coap2_block_read(&block, opt) != COAP2_OK) {
        put_hex(stdout, opt->value, opt->length);
        fputs("  (no block: SZX 7 or too long, RFC 7959 2.2)", stdout);
        return;
    }
    printf("%" PRIu32 "/%d/%u", block.number, block.more ? 1 : 0,
           (unsigned)COAP2_BLOCK_SIZE(block));
}

static void show_uint(const coap2_opt *opt)
{
    uint32_t value;
    const char *format = NULL;

    if (!coap2_opt_uint(opt, &value)) {
        put_hex(stdout, opt->value, opt->length);
        return;
    }
    printf("%" PRIu32, value);
    if ((opt->number == COAP2_OPT_CONTENT_FORMAT ||
         opt->number == COAP2_OPT_ACCEPT) &&
        value <= UINT16_MAX)
        format = coap2_format_name((uint16_t)value);
    if (format != NULL) printf("  %s", format);
}

static void show_value(uint8_t code, const coap2_opt_form *form,
                       const coap2_opt *opt)
{
    if (COAP2_CODE_CLASS(code) != 7 && is_block(opt->number))
        show_block(opt);
    else if (form->kind == COAP2_UINT)
        show_uint(opt);
    else if (form->kind == COAP2_STRING)
        put_quoted(stdout, opt->value, opt->length);
    else if (opt->length == 0)
        fputs("(empty)", stdout);
    else
        show_opaque(opt);
}

/* What makes an option as good as unknown to the receiver. */
static void show_doubts(const coap2_opt_form *form, const coap2_opt *opt,
                        bool again)
{
    if (opt->length < form->min || opt->length > form->max)
        printf("  (%lu bytes, not %u to %u: unrecognised, RFC 7252 5.4.3)",
               (unsigned long)opt->length, (unsigned)form->min,
               (unsigned)form->max);
    if (again && !form->repeats)
        fputs("  (repeated: unrecognised, RFC 7252 5.4.5)", stdout);
}

static void show_option(uint8_t code, const coap2_opt *opt, bool again)
{
    coap2_opt_form form = form_of(code, opt->number);

    printf("    %5u %c%c%c  %-14s  ", (unsigned)opt->number,
           COAP2_OPT_IS_CRITICAL(opt->number) ? 'C' : '-',
           COAP2_OPT_IS_UNSAFE(opt->number) ? 'U' : '-',
           COAP2_OPT_IS_NO_CACHE_KEY(opt->number) ? 'N' : '-',
           name_or(coap2_opt_name(code, opt->number), "(unknown)"));
    show_value(code, &form, opt);
    show_doubts(&form, opt, again);
    fputc('\n', stdout);
}

static void show_options(const coap2_msg *msg)
{
    coap2_opt opt = msg->options;
    int last = -1;

    while (coap2_opt_next(&opt)) {
        if (last < 0)
            puts("options  C critical, U unsafe to forward, "
                 "N no part of cache keys");
        show_option(msg->code, &opt, opt.number == last);
        last = opt.number;
    }
    if (last < 0) puts("options  none");
}

static void show_payload(const coap2_msg *msg)
{
    bool text = is_text(msg->payload, msg->payload_length, true);

    if (msg->payload_length == 0) {
        puts("payload  none");
        return;
    }
    printf("payload  %lu byte%s%s\n", (unsigned long)msg->payload_length,
           msg->payload_length == 1 ? "" : "s", text ? " of text" : "");
    (text ? put_lines : put_hex_dump)(stdout, msg->payload,
                                      msg->payload_length);
}

static void show_message(const coap2_msg *msg)
{
    printf("version  1\n"
           "type     %u %s\n"
           "code     %u.%02u %s\n"
           "id       %u (0x%04x)\n"
           "token    ",
           (unsigned)msg->type, name_or(coap2_type_name(msg->type), ""),
           COAP2_CODE_CLASS(msg->code), COAP2_CODE_DETAIL(msg->code),
           name_or(coap2_code_name(msg->code), "(unassigned)"),
           (unsigned)msg->id, (unsigned)msg->id);
    if (msg->token_length == 0) fputs("none", stdout);
    put_hex(stdout, msg->token, msg->token_length);
    fputc('\n', stdout);
    show_options(msg);
    show_payload(msg);
}

#endif /* SHOW_H */
