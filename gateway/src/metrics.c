/* metrics.c - the counters as Prometheus reads them. */
#include "metrics.h"
#include "memory.h"

#include <inttypes.h>
#include <stdio.h>

#define PREFIX "onefin_gateway_"

struct metrics metrics;

static const double bounds[HISTOGRAM_BUCKETS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                 0.25,  0.5,    1,     2.5,  5,     10};

void metrics_observe(struct histogram *histogram, double value) {
    int i = 0;

    while (i < HISTOGRAM_BUCKETS && value > bounds[i])
        i++;
    if (i < HISTOGRAM_BUCKETS)
        histogram->buckets[i]++;
    histogram->count++;
    histogram->sum += value;
}

static void head(FILE *out, const char *type, const char *name, const char *help) {
    fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void write_number(FILE *out, const char *type, const char *name, const char *help,
                         uint64_t value) {
    head(out, type, name, help);
    fprintf(out, PREFIX "%s %" PRIu64 "\n", name, value);
}

static void write_histogram(FILE *out, const char *name, const char *help,
                            const struct histogram *histogram) {
    uint64_t below = 0;

    head(out, "histogram", name, help);
    for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
        below += histogram->buckets[i];
        fprintf(out, PREFIX "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds[i], below);
    }
    fprintf(out, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, histogram->count);
    fprintf(out, PREFIX "%s_sum %.6f\n" PREFIX "%s_count %" PRIu64 "\n", name, histogram->sum, name,
            histogram->count);
}

static void write_labelled(FILE *out, const char *name, const char *help, const char *label,
                           const char *const *labels, const uint64_t *values, int count) {
    head(out, "counter", name, help);
    for (int i = 0; i < count; i++)
        fprintf(out, PREFIX "%s{%s=\"%s\"} %" PRIu64 "\n", name, label, labels[i], values[i]);
}

#define LABEL(name, label) label,

static const char *const refusals[] = {REFUSALS(LABEL)};
static const char *const outcomes[] = {OUTCOMES(LABEL)};
static const char *const kinds[] = {JOBS(LABEL)};
static const char *const job_outcomes[] = {JOB_OUTCOMES(LABEL)};

static void write_jobs(FILE *out) {
    head(out, "counter", "jobs", "Jobs that ended, by kind and outcome");
    for (int i = 0; i < JOB_KINDS; i++) {
        for (int j = 0; j < JOB_OUTCOME_COUNT; j++)
            fprintf(out, PREFIX "jobs{kind=\"%s\",outcome=\"%s\"} %" PRIu64 "\n", kinds[i],
                    job_outcomes[j], metrics.jobs[i][j]);
    }
}

char *metrics_text(void) {
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return memory_text("");
#define METRICS_LINE(type, name, help) write_number(out, #type, #name, help, metrics.name);
    METRICS(METRICS_LINE)
#undef METRICS_LINE
#define HISTOGRAM_LINES(name, help) write_histogram(out, #name, help, &metrics.name);
    HISTOGRAMS(HISTOGRAM_LINES)
#undef HISTOGRAM_LINES
    write_labelled(out, "refused", "Connections, logins and calls that were refused, by reason",
                   "reason", refusals, metrics.refused, REFUSAL_COUNT);
    write_labelled(out, "worker_done", "Documents that the worker had, by what became of them",
                   "outcome", outcomes, metrics.outcomes, OUTCOME_COUNT);
    write_jobs(out);
    head(out, "gauge", "seal_lag_seconds",
         "Age of the oldest journal entry that is not sealed yet");
    fprintf(out, PREFIX "seal_lag_seconds %.3f\n", metrics.seal_lag);
    fclose(out);
    return text;
}
