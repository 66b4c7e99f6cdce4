/* A node as server: answers that take their time, those that nobody wants, and
   those that do not leave (RFC 7252 4.2, 4.8, 5.2; RFC 7967). */
#include "server.h"

/* ---- late answers -------------------------------------------------------- */

static void quick_answer_is_piggybacked(void)
{
    begin();
    CHECK_EQ(ASK("42011234 aabb b4'slow'"), COAP2_ACK_DELAY);
    SILENT();
    CHECK_EQ(PASS(COAP2_ACK_DELAY - 1), 1);
    SILENT();
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    IS_IDLE();
    ONLY("62451234 aabb c0ff'done'");
    still_serves();
}

static void answer_inside_the_handler(void)
{
    begin();
    ASK("42011234 aabb b5'quick'");
    IS_IDLE();
    ONLY("62451234 aabb c0ff'quick'");
    ASK("52011235 aabb b5'quick'");
    IS_IDLE();
    ONLY("5245.... aabb c0ff'quick'");
    still_serves();
}

static void slow_answer_is_separate(void)
{
    begin();
    ASK("48011234 a1a2a3a4a5a6a7a8 b4'slow'");
    CHECK_EQ(PASS(COAP2_ACK_DELAY), COAP2_FOREVER);
    ONLY("60001234");
    CHECK_EQ(PASS(3600000u), COAP2_FOREVER);
    loop_clear(&wire);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    POLL();
    ONLY("4845.... a1a2a3a4a5a6a7a8 c0ff'done'");
    CHECK_EQ(wire.sent[0].peer.address[3], 1);
}

/* 2 to 3 seconds, doubled; four retransmissions; then it ends (4.2, 4.8). */
static void retransmits(uint32_t time, uint32_t drawn, uint32_t least,
                        uint32_t most)
{
    uint32_t timeout;
    unsigned i;

    chance = drawn;
    begin_separate(time);
    timeout = POLL();
    CHECK(timeout >= least && timeout <= most);
    CHECK_EQ(PASS(timeout * 31u - 1u), 1);
    CHECK_EQ(wire.count, 5);
    for (i = 0; i < 5; i++) {
        test_row = i + 1;
        LOOP_IS(&wire, i, "4245.... aabb c0ff'done'");
        CHECK_EQ(loop_id(&wire, i), loop_id(&wire, 0));
        CHECK_EQ(wire.sent[i].time - wire.sent[0].time,
                 timeout * ((1ul << i) - 1u));
    }
    CHECK_EQ(PASS(1), COAP2_FOREVER);
    CHECK_EQ(wire.count, 5);
    CHECK_EQ(answer(0, "late"), COAP2_ERR_ARG);
    still_serves();
}

static void separate_answer_is_repeated(void)
{
    retransmits(1000, 0, 2000, 2000);
    retransmits(1000, 0xffffffffu, 2990, 3000);
    retransmits(1000, 0x80008000u, 2490, 2510);
    retransmits(0xffffffffu - 10000u, 0, 2000, 2000);
    retransmits(0xffffffffu, 0xffffffffu, 2990, 3000);
    retransmits(0x7fffff00u, 0, 2000, 2000);
}

/* The node's own chance fills [1, 1.5] (4.8). */
static void jitter_is_spread(void)
{
    uint32_t least = 9999, most = 0;
    unsigned i;

    begin();
    for (i = 0; i < 40; i++) {
        uint8_t get[] = {0x40, 1, 0x12, 0, 0xb4, 's', 'l', 'o', 'w'};
        uint32_t timeout;

        get[3] = (uint8_t)i;
        loop_push_at(&wire, loop_peer(1), get, sizeof get, wire.time);
        PASS(COAP2_ACK_DELAY);
        loop_clear(&wire);
        CHECK_EQ(answer(i % 4, "done"), COAP2_OK);
        timeout = POLL();
        if (timeout < least) least = timeout;
        if (timeout > most) most = timeout;
        respond(0x60, loop_peer(1), loop_id(&wire, 0));
        IS_IDLE();
    }
    CHECK(least >= 2000 && least < 2150);
    CHECK(most > 2850 && most <= 3000);
}

static void transmission_parameters(void)
{
    begin();
    CHECK_EQ(node.ack_timeout, 2000);
    CHECK_EQ(node.random_factor, 150);
    CHECK_EQ(node.max_retransmit, 4);
    node.ack_timeout = 100;
    node.random_factor = 100;
    node.max_retransmit = 1;
    ASK("42011234 aabb b4'slow'");
    PASS(COAP2_ACK_DELAY);
    loop_clear(&wire);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    CHECK_EQ(POLL(), 100);
    CHECK_EQ(PASS(299), 1);
    CHECK_EQ(wire.count, 2);
    CHECK_EQ(PASS(1), COAP2_FOREVER);
    CHECK_EQ(wire.count, 2);
}

static void ack_ends_it(void)
{
    begin_separate(1000);
    POLL();
    respond(0x60, loop_peer(1), loop_id(&wire, 0));
    IS_IDLE();
    CHECK_EQ(wire.count, 1);
    still_serves();
}

static void reset_ends_it(void)
{
    begin_separate(1000);
    POLL();
    PASS(4000);
    CHECK_EQ(wire.count, 2);
    respond(0x70, loop_peer(1), loop_id(&wire, 0));
    IS_IDLE();
    CHECK_EQ(wire.count, 2);
    still_serves();
}

/* As many as may be set: the pauses never become shorter again. */
static void many_retransmissions(void)
{
    uint32_t pause = 0, last = 0;
    unsigned i;

    chance = 0xffffffffu;
    begin_separate(1000);
    node.max_retransmit = 20;
    node.ack_timeout = 65535;
    node.random_factor = 200;
    for (i = 0; i < 20; i++) {
        uint32_t wait = POLL();

        test_row = i + 1;
        CHECK_EQ(wire.count, i + 1);
        if (wire.count != i + 1) break;
        pause = wire.sent[i % LOOP_SENT].time - last;
        last = wire.sent[i % LOOP_SENT].time;
        CHECK(i < 2 || pause >= 131070);
        CHECK(wait >= pause || i == 0);
        wire.time += wait;
    }
}

/* Of another endpoint, or with another id, it is somebody else's (4.2, 4.4). */
static void spoofed_ack_changes_nothing(void)
{
    coap2_peer peer = loop_peer(1);
    uint16_t id;

    begin_separate(1000);
    POLL();
    id = loop_id(&wire, 0);
    respond(0x60, loop_peer(2), id);
    respond(0x70, loop_peer(2), id);
    peer.port++;
    respond(0x70, peer, id);
    respond(0x60, loop_peer(1), (uint16_t)(id + 1u));
    respond(0x70, loop_peer(1), (uint16_t)(id ^ 0x100u));
    respond(0x60, loop_group(2), id);
    PASS(100000);
    CHECK_EQ(wire.count, 5);
}

/* Again and again while it waits: an empty ACK each time, at once (5.2.2). */
static void repeated_request_is_acknowledged(void)
{
    begin();
    ASK("42011234 aabb b4'slow'");
    SILENT();
    CHECK_EQ(ASK("42011234 aabb b4'slow'"), COAP2_FOREVER);
    ONLY("60001234");
    CHECK_EQ(PASS(2 * COAP2_ACK_DELAY), COAP2_FOREVER);
    CHECK_EQ(wire.count, 1);
    ASK("42011234 aabb b4'slow'");
    ONLY("60001234");
    CHECK_EQ(runs, 1);
    answer(0, "done");
    loop_clear(&wire);
    POLL();
    ONLY("4245.... aabb c0ff'done'");
    ASK("42011234 aabb b4'slow'");
    ONLY("60001234");
    CHECK_EQ(runs, 1);
}

/* What is not safe stays done once its answer is, however it went (4.5). */
static void late_post_runs_once(void)
{
    uint16_t id;

    begin();
    ASK("42021234 aabb b4'slow'");
    answer(0, "done");
    POLL();
    ASK("42021234 aabb b4'slow'");
    ONLY("62451234 aabb*");
    CHECK_EQ(runs, 1);
    ASK("42021235 aacc b4'slow'");
    PASS(COAP2_ACK_DELAY);
    answer(1, "done");
    loop_clear(&wire);
    POLL();
    id = loop_id(&wire, 0);
    ASK("42021235 aacc b4'slow'");
    ONLY("60001235");
    respond(0x60, loop_peer(1), id);
    ASK("42021235 aacc b4'slow'");
    CHECK_EQ(wire.count, 1);
    CHECK_EQ(wire.sent[0].bytes[0] >> 4, 6);
    CHECK_EQ(loop_id(&wire, 0), 0x1235);
    CHECK_EQ(runs, 2);
    still_serves();
}

static void late_answer_to_non(void)
{
    begin();
    CHECK_EQ(ASK("52011234 aabb b4'slow'"), COAP2_FOREVER);
    SILENT();
    ASK("52011234 aabb b4'slow'");
    SILENT();
    CHECK_EQ(PASS(10000), COAP2_FOREVER);
    SILENT();
    CHECK_EQ(runs, 1);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    IS_IDLE();
    ONLY("5245.... aabb c0ff'done'");
    still_serves();
}

/* Delayed as any answer to a group; an error is none (8.1, 8.2). */
static void late_answer_to_a_group(void)
{
    begin();
    chance = 0x80008000u;
    node.random = fixed_chance;
    ASK_FROM(loop_group(3), "52011234 aabb b4'slow'");
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    PASS(2400);
    SILENT();
    PASS(200);
    ONLY("5245.... aabb c0ff'done'");
    CHECK(!wire.sent[0].peer.group);
    ASK_FROM(loop_group(3), "52011235 aabb b4'slow'");
    CHECK_EQ(coap2_answer(&node, tickets[1], COAP2_404_NOT_FOUND,
                          COAP2_NO_FORMAT, NULL, 0),
             COAP2_OK);
    PASS(5000);
    SILENT();
    still_serves();
}

static void late_answer_with_options(void)
{
    coap2_rsp rsp;

    begin();
    ASK("42011234 aabb b4'slow'");
    CHECK_EQ(coap2_answer_start(&rsp, &node, tickets[0]), COAP2_OK);
    coap2_rsp_text(&rsp, "done");
    rsp.max_age = 5;
    coap2_rsp_etag(&rsp, "v1", 2);
    coap2_write_text(&rsp.w, COAP2_OPT_LOCATION_PATH, "job");
    CHECK_EQ(coap2_answer_send(&rsp, COAP2_201_CREATED), COAP2_OK);
    IS_IDLE();
    ONLY("62411234 aabb 42'v1' 43'job' 40 2105 ff'done'");
}

static void late_error_has_a_diagnostic(void)
{
    begin();
    ASK("40011234 b4'slow'");
    PASS(COAP2_ACK_DELAY);
    loop_clear(&wire);
    coap2_answer(&node, tickets[0], COAP2_500_INTERNAL_SERVER_ERROR,
                 COAP2_NO_FORMAT, "jammed", 6);
    POLL();
    ONLY("40a0.... ff'jammed'");
}

static void tickets_are_checked(void)
{
    coap2_rsp rsp;

    begin();
    CHECK_EQ(coap2_answer(&node, 1, COAP2_205_CONTENT, 0, "x", 1),
             COAP2_ERR_ARG);
    CHECK_EQ(coap2_answer(&node, -5, COAP2_205_CONTENT, 0, "x", 1),
             COAP2_ERR_ARG);
    CHECK_EQ(coap2_answer_start(&rsp, &node, 0), COAP2_ERR_ARG);
    coap2_rsp_text(&rsp, "done");
    CHECK_EQ(coap2_answer_send(&rsp, COAP2_205_CONTENT), COAP2_ERR_ARG);
    ASK("40011234 b4'slow'");
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    CHECK_EQ(answer(0, "more"), COAP2_ERR_ARG);
    IS_IDLE();
    ONLY("60451234 c0ff'done'");
    ASK("40011235 b4'slow'"); /* the same exchange, another ticket */
    CHECK_EQ(answer(0, "more"), COAP2_ERR_ARG);
    SILENT();
}

/* It does not matter when the answer is begun, but when it is sent. */
static void answer_takes_its_time(void)
{
    coap2_rsp rsp;

    begin();
    ASK("42011234 aabb b4'slow'");
    CHECK_EQ(coap2_answer_start(&rsp, &node, tickets[0]), COAP2_OK);
    PASS(COAP2_ACK_DELAY);
    ONLY("60001234");
    coap2_rsp_text(&rsp, "done");
    loop_clear(&wire);
    CHECK_EQ(coap2_answer_send(&rsp, COAP2_205_CONTENT), COAP2_OK);
    POLL();
    ONLY("4245.... aabb c0ff'done'");
}

/* Two that differ in their token only (4.4). */
static void two_of_one_id(void)
{
    begin();
    ASK("42011234 aabb b4'slow'");
    ASK("42011234 aacc b4'slow'");
    SILENT();
    CHECK_EQ(runs, 2);
    CHECK_EQ(answer(0, "one"), COAP2_OK);
    CHECK_EQ(answer(1, "two"), COAP2_OK);
    IS_IDLE();
    CHECK_EQ(wire.count, 2);
    LOOP_IS(&wire, 0, "62451234 aabb c0ff'one'");
    LOOP_IS(&wire, 1, "62451234 aacc c0ff'two'");
    still_serves();
}

/* Tickets count on for ever, and stay positive. */
static void tickets_wrap(void)
{
    begin();
    node.last_handle = 32766;
    ASK("40011230 b4'slow'");
    ASK("40011231 b4'slow'");
    ASK("40011232 b4'slow'");
    CHECK_EQ(tickets[0], 32767);
    CHECK(tickets[1] > 0 && tickets[2] > 0 && tickets[1] != tickets[2]);
    answer(1, "done");
    POLL();
    node.last_handle = 32766; /* the next is in use */
    ASK("40011233 b4'slow'");
    CHECK(tickets[3] > 0 && tickets[3] != 32767 && tickets[3] != tickets[2]);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    CHECK_EQ(answer(2, "done"), COAP2_OK);
    CHECK_EQ(answer(3, "done"), COAP2_OK);
    IS_IDLE();
    still_serves();
}

/* An id that waits for its ACK is not given to another message (4.4). */
static void ids_in_use_are_passed_over(void)
{
    uint16_t id;

    begin_separate(1000);
    POLL();
    id = loop_id(&wire, 0);
    node.next_id = id;
    ASK("50011240 b4'temp'");
    ONLY("5045.... c0ff'21.5'");
    CHECK_EQ(loop_id(&wire, 0), (uint16_t)(id + 1u));
}

/* What is no answer never leaves as one. */
static void codes_of_late_answers(void)
{
    static const uint8_t codes[] = {0, 1, 31, 0x20, 0xe1};
    unsigned i;

    for (i = 0; i < 5; i++) {
        test_row = i + 1;
        begin();
        ASK("41011234 aa b4'slow'");
        coap2_answer(&node, tickets[0], codes[i], COAP2_NO_FORMAT, "x", 1);
        POLL();
        if (wire.count > 0) ONLY("61a01234 aa*");
    }
}

/* Conditions are decided at once. A resource that is late cannot be looked at:
   it exists, in a state that has no name. */
static void late_resource_with_conditions(void)
{
    begin();
    ASK("40021234 10 a4'slow'");
    CHECK_EQ(tickets_had, 1);
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    POLL();
    ONLY("60451234 c0ff'done'");
    ASK("40021235 11'v' a4'slow'");
    ONLY("608c1235*");
    ASK("40021236 50 64'slow'");
    ONLY("608c1236*");
    CHECK_EQ(tickets_had, 1);
    still_serves();
}

static void handlers_that_err(void)
{
    begin();
    mistake = LATER_WITHOUT;
    ASK("40011234 b5'wrong'");
    ONLY("60a01234*");
    mistake = CODE_INSTEAD;
    ASK("40011235 b5'wrong'");
    ONLY("60801235 ff'no'");
    CHECK_EQ(answer(0, "late"), COAP2_ERR_ARG);
    CHECK_EQ(PASS(10000), COAP2_FOREVER);
    CHECK_EQ(wire.count, 1);
    mistake = CODE_AND_ANSWER;
    ASK("40011236 b5'wrong'");
    CHECK(wire.count > 0);
    PASS(200000);
    still_serves();
}

static void tickets_run_out(void)
{
    begin();
    ASK("40021230 b4'slow'");
    ASK("40021231 b4'slow'");
    ASK("40021232 b4'slow'");
    SILENT();
    ASK("40021233 b4'slow'");
    ONLY("60a31233");
    CHECK_EQ(tickets_had, 3);
    loop_clear(&wire);
    answer(1, "done");
    POLL();
    ONLY("60451231 c0ff'done'");
    ASK("40021234 b4'slow'");
    SILENT();
    CHECK_EQ(tickets_had, 4);
}

/* As many exchanges as there are slots in `out`, but for the one to write. */
static void slots_run_out(void)
{
    prepare();
    node.out_size = 2 * PACKET + PACKET - 1;
    CHECK_EQ(coap2_start(&node, 1), COAP2_OK);
    ASK("40021230 b4'slow'");
    SILENT();
    ASK("40021231 b4'slow'");
    ONLY("60a31231");
    ASK("40011232 b4'temp'");
    ONLY("60451232 c0ff'21.5'");
}

static void late_answer_that_does_not_fit(void)
{
    static const char text[PACKET] = "long";

    begin();
    ASK("42011234 aabb b4'slow'");
    CHECK_EQ(coap2_answer(&node, tickets[0], COAP2_205_CONTENT,
                          COAP2_FORMAT_OCTETS, text, PACKET - 9),
             COAP2_OK);
    IS_IDLE();
    CHECK_EQ(wire.sent[0].length, PACKET);
    LOOP_IS(&wire, 0, "62451234 aabb c12aff'long'*");
    ASK("42011235 aabb b4'slow'");
    CHECK_EQ(coap2_answer(&node, tickets[1], COAP2_205_CONTENT,
                          COAP2_FORMAT_OCTETS, text, PACKET - 8),
             COAP2_ERR_SPACE);
    IS_IDLE();
    ONLY("62a01235 aabb*");
    still_serves();
}

/* ---- No-Response (RFC 7967) ---------------------------------------------- */

static void no_response_to_non(void)
{
    begin();
    ASK("50021234 b1'n' d1ea02");
    SILENT();
    ASK("50021235 b1'n' d1ea1a");
    SILENT();
    ASK("50021236 b1'n' d1ea08");
    ONLY("5041.... c0ff'3'");
    ASK("50021237 b1'n' d0ea"); /* empty: all are wanted */
    ONLY("5041.... c0ff'4'");
    ASK("50011238 b1'x' d1ea08");
    SILENT();
    ASK("50011239 b1'x' d1ea12");
    ONLY("5084....*");
}

/* The message is acknowledged all the same, and not handled again. */
static void no_response_to_con(void)
{
    begin();
    ASK("41021234 aa b1'n' d1ea02");
    ONLY("60001234");
    ASK("41021234 aa b1'n' d1ea02");
    ONLY("60001234");
    CHECK_EQ(runs, 1);
    ASK("41011235 aa b1'x' d1ea08");
    ONLY("60001235");
    ASK("41011235 aa b1'x' d1ea10");
    ONLY("61841235 aa*");
}

static void no_response_to_a_late_one(void)
{
    begin();
    ASK("41011234 aa b4'slow' d1ea02");
    PASS(1000);
    ONLY("60001234");
    CHECK_EQ(answer(0, "done"), COAP2_OK);
    CHECK_EQ(PASS(100000), COAP2_FOREVER);
    CHECK_EQ(wire.count, 1);
    ASK("51011235 aa b4'slow' d1ea02");
    CHECK_EQ(answer(1, "done"), COAP2_OK);
    CHECK_EQ(PASS(100000), COAP2_FOREVER);
    SILENT();
    ASK("41011236 aa b4'slow' d1ea02"); /* before the empty ACK has left */
    CHECK_EQ(answer(2, "done"), COAP2_OK);
    CHECK_EQ(PASS(100000), COAP2_FOREVER);
    ONLY("60001236");
    ASK("41011236 aa b4'slow' d1ea02");
    ONLY("60001236");
    CHECK_EQ(runs, 3);
    still_serves();
}

/* ---- what does not leave ------------------------------------------------- */

static void answer_is_kept_where_send_says_again(void)
{
    uint32_t wait;

    begin();
    wire.again = 2;
    wait = ASK("41021234 aa b1'n'");
    SILENT();
    CHECK(wait > 0 && wait <= 1000);
    POLL();
    IS_IDLE();
    ONLY("61411234 aa c0ff'1'");
    CHECK_EQ(wire.sent[0].peer.address[3], 1);
    CHECK_EQ(runs, 1);
    still_serves();
}

static void again_for_a_long_time_does_not_spin(void)
{
    begin();
    wire.again = 30000;
    ASK("41021234 aa b1'n'");
    CHECK(PASS(1000) > 0);
    CHECK(wire.polls <= 1001);
    wire.again = 0;
    IS_IDLE();
    ONLY("61411234 aa c0ff'1'");
    still_serves();
}

/* More answers than can be kept: the rest come when they are asked again. */
static void again_with_all_slots_taken(void)
{
    begin();
    wire.again = 5;
    ASK("40021230 b1'n'");
    wire.again = 5;
    ASK("40021231 b1'n'");
    wire.again = 5;
    ASK("40021232 b1'n'");
    wire.again = 5;
    ASK("40021233 b1'n'");
    SILENT();
    wire.again = 0;
    IS_IDLE();
    CHECK(wire.count >= COAP2_MAX_EXCHANGES);
    ASK("40021233 b1'n'");
    ONLY("60411233 c0ff'4'");
    CHECK_EQ(runs, 4);
    still_serves();
}

static void late_answer_is_tried_again(void)
{
    begin();
    ASK("42011234 aabb b4'slow'");
    wire.again = 1;
    PASS(COAP2_ACK_DELAY);
    CHECK_EQ(PASS(1000), COAP2_FOREVER);
    ONLY("60001234");
    loop_clear(&wire);
    answer(0, "done");
    wire.again = 1;
    CHECK(POLL() > 0);
    SILENT();
    POLL();
    ONLY("4245.... aabb c0ff'done'");
    wire.again = 1; /* of the retransmission */
    PASS(5000);
    CHECK_EQ(wire.count, 2);
    respond(0x60, loop_peer(1), loop_id(&wire, 0));
    still_serves();
}

static void send_that_fails_ends_the_exchange(void)
{
    begin();
    wire.fail = 1;
    ASK("41011234 aa b4'temp'");
    SILENT();
    IS_IDLE();
    ASK("42011234 aabb b4'slow'");
    PASS(COAP2_ACK_DELAY);
    loop_clear(&wire);
    answer(0, "done");
    wire.fail = 1;
    POLL();
    SILENT();
    still_serves();
}

int main(void)
{
    RUN("RFC 7252 5.2.1: quick enough", quick_answer_is_piggybacked);
    RUN("RFC 7252 5.2.1: at once", answer_inside_the_handler);
    RUN("RFC 7252 5.2.2: separate", slow_answer_is_separate);
    RUN("RFC 7252 4.2, 4.8: retransmission", separate_answer_is_repeated);
    RUN("RFC 7252 4.8: jitter", jitter_is_spread);
    RUN("RFC 7252 4.8: parameters, set", transmission_parameters);
    RUN("RFC 7252 4.8: 20 retransmissions", many_retransmissions);
    RUN("RFC 7252 4.2: ACK", ack_ends_it);
    RUN("RFC 7252 4.2: RST", reset_ends_it);
    RUN("RFC 7252 4.2, 4.4: spoofed", spoofed_ack_changes_nothing);
    RUN("RFC 7252 4.5, 5.2.2: asked again", repeated_request_is_acknowledged);
    RUN("RFC 7252 4.5: late POST", late_post_runs_once);
    RUN("RFC 7252 5.2.3: late, NON", late_answer_to_non);
    RUN("RFC 7252 8.2: late, group", late_answer_to_a_group);
    RUN("RFC 7252 5.10: late, options", late_answer_with_options);
    RUN("RFC 7252 5.5.2: late error", late_error_has_a_diagnostic);
    RUN("RFC 7252 5.2.2: tickets", tickets_are_checked);
    RUN("RFC 7252 5.2.2: begun, then sent", answer_takes_its_time);
    RUN("RFC 7252 4.4: two of one id", two_of_one_id);
    RUN("RFC 7252 5.2.2: tickets wrap", tickets_wrap);
    RUN("RFC 7252 4.4: ids in use", ids_in_use_are_passed_over);
    RUN("RFC 7252 5.9: late, codes", codes_of_late_answers);
    RUN("RFC 7252 5.10.8: late, conditions", late_resource_with_conditions);
    RUN("RFC 7252 5.9.3.1: handlers that err", handlers_that_err);
    RUN("RFC 7252 5.2.2: no ticket", tickets_run_out);
    RUN("RFC 7252 5.2.2: no slot", slots_run_out);
    RUN("RFC 7252 5.2.2: too long", late_answer_that_does_not_fit);
    RUN("RFC 7967 2: NON", no_response_to_non);
    RUN("RFC 7967 2: CON", no_response_to_con);
    RUN("RFC 7967 2: late", no_response_to_a_late_one);
    RUN("RFC 7252 4.2: AGAIN", answer_is_kept_where_send_says_again);
    RUN("RFC 7252 4.2: AGAIN, long", again_for_a_long_time_does_not_spin);
    RUN("RFC 7252 4.2: AGAIN, full", again_with_all_slots_taken);
    RUN("RFC 7252 4.2: AGAIN, late", late_answer_is_tried_again);
    RUN("RFC 7252 4.2: SEND", send_that_fails_ends_the_exchange);
    return test_end();
}
