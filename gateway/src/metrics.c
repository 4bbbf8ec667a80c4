/* metrics.c - the counters as Prometheus reads them. */
#include "metrics.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

struct metrics metrics;

char *metrics_text(void) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return memory_text("");
#define METRICS_LINE(type, name, help)                                                             \
    fprintf(out,                                                                                   \
            "# HELP onefin_gateway_" #name " " help "\n"                                           \
            "# TYPE onefin_gateway_" #name " " #type "\n"                                          \
            "onefin_gateway_" #name " %" PRIu64 "\n",                                              \
            metrics.name);
    METRICS(METRICS_LINE)
#undef METRICS_LINE
    fclose(out);
    return text;
}
