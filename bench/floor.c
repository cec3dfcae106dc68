/* The floor: one connection, receive and LZ4-decode, nothing else. Chunks are fetched one after the
 * other and decoded into one reused buffer. Output: one JSON line.
 *
 *   floor URL_PREFIX URL_SUFFIX distinct total */
#include <curl/curl.h>
#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define BUFFER (32u * 1024u * 1024u)

static struct {
    LZ4F_dctx *lz4;
    char *out;
    size_t used;
    unsigned long long decoded;
    int packed;
} s;

static size_t on_bytes(char *ptr, size_t size, size_t count, void *user) {
    (void)user;
    size_t left = size * count;
    const char *in = ptr;
    while (left > 0) {
        size_t room = BUFFER - s.used;
        size_t taken = left < room ? left : room;
        size_t made = room < left ? room : left;
        if (s.packed) {
            made = room;
            size_t rc = LZ4F_decompress(s.lz4, s.out + s.used, &made, in, &taken, NULL);
            if (LZ4F_isError(rc)) {
                return 0;
            }
        } else {
            memcpy(s.out + s.used, in, made);
            taken = made;
        }
        s.used = (s.used + made) % BUFFER;
        s.decoded += made;
        in += taken;
        left -= taken;
    }
    return size * count;
}

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: floor URL_PREFIX URL_SUFFIX distinct total\n");
        return 2;
    }
    long distinct = strtol(argv[3], NULL, 10);
    long total = strtol(argv[4], NULL, 10);
    s.packed = strstr(argv[2], "lz4") != NULL;
    s.out = malloc(BUFFER);
    LZ4F_createDecompressionContext(&s.lz4, LZ4F_VERSION);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 262144L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    double start = now_s();
    for (long i = 0; i < total; i++) {
        char url[512];
        snprintf(url, sizeof url, "%s%ld%s", argv[1], i % distinct, argv[2]);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        s.used = 0;
        if (curl_easy_perform(easy) != CURLE_OK) {
            fprintf(stderr, "cannot fetch %s\n", url);
            return 1;
        }
    }
    double wall = now_s() - start;
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("{\"cpu_s\": %.6f, \"wall_s\": %.6f, \"peak_kb\": %ld, \"decoded\": %llu}\n",
           (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6,
           wall, u.ru_maxrss, s.decoded);
    curl_easy_cleanup(easy);
    return 0;
}
