/* plot.h - the course of a number, live, on the last line of a terminal:

       temp ▁▂▄▆█▇▅ 24.5  (19 to 31)

   Hide it before anything else is written there, and show it again after. There
   is one, as there is one terminal. */

#ifndef PLOT_H
#define PLOT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PLOT_SAMPLES = 60, PLOT_NAME = 16, PLOT_LEVELS = 8 };

static struct {
    bool shown;
    int count; /* of samples that are kept: the last ones */
    double samples[PLOT_SAMPLES];
} plot;

/* ---- the terminal ------------------------------------------------------- */

/* Does it show UTF-8? The first of these that is set decides (POSIX 8.2). */
static inline bool plot_knows_blocks(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    const char *value = NULL;
    size_t i;

    for (i = 0; i < 3 && (value == NULL || *value == '\0'); i++)
        value = getenv(names[i]);
    for (; value != NULL && *value != '\0'; value++)
        if (strncasecmp(value, "utf-8", 5) == 0 ||
            strncasecmp(value, "utf8", 4) == 0)
            return true;
    return false;
}

static inline int plot_columns(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

static inline void plot_hide(void)
{
    if (!plot.shown) return;
    fputs("\r\033[K", stdout);
    (void)fflush(stdout);
    plot.shown = false;
}

/* Let it stand, and go on below. */
static inline void plot_leave(void)
{
    if (!plot.shown) return;
    fputc('\n', stdout);
    (void)fflush(stdout);
    plot.shown = false;
}

/* ---- the samples -------------------------------------------------------- */

static inline void plot_add(double sample)
{
    if (plot.count == PLOT_SAMPLES)
        memmove(plot.samples, plot.samples + 1,
                (size_t)(--plot.count) * sizeof sample);
    plot.samples[plot.count++] = sample;
}

static inline void plot_range(double *low, double *high)
{
    int i;

    *low = *high = plot.samples[0];
    for (i = 1; i < plot.count; i++) {
        if (plot.samples[i] < *low) *low = plot.samples[i];
        if (plot.samples[i] > *high) *high = plot.samples[i];
    }
}

/* One character a sample, the lowest first. */
static inline void plot_put(double sample, double low, double high)
{
    static const char *const blocks[] = {"▁", "▂", "▃", "▄",
                                         "▅", "▆", "▇", "█"};
    static const char plain[] = "_.,-+*%#";
    int level = PLOT_LEVELS / 2;

    if (high > low)
        level = (int)((sample - low) / (high - low) * (PLOT_LEVELS - 1) + 0.5);
    if (plot_knows_blocks())
        fputs(blocks[level], stdout);
    else
        fputc(plain[level], stdout);
}

/* Draw it in a line that has no end yet, as many samples as fit. */
static inline void plot_show(const char *name, size_t length)
{
    int width = length > PLOT_NAME ? PLOT_NAME : (int)length, from, i;
    double low, high;
    char numbers[80];

    if (plot.count == 0) return;
    plot_hide();
    plot_range(&low, &high);
    (void)snprintf(numbers, sizeof numbers, "%.9g  (%.9g to %.9g)",
                   plot.samples[plot.count - 1], low, high);
    from = plot.count - (plot_columns() - width - (int)strlen(numbers) - 3);
    if (from >= plot.count) return; /* a line that is too long stays there */
    printf("%.*s ", width, name);
    for (i = from < 0 ? 0 : from; i < plot.count; i++)
        plot_put(plot.samples[i], low, high);
    printf(" %s", numbers);
    (void)fflush(stdout);
    plot.shown = true;
}

#endif /* PLOT_H */
