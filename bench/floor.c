/* The floor: one connection, receive and LZ4-decode, nothing else. Chunks are fetched one after the
 * other and decoded into one reused buffer. With a suffix ".json" the chunk is the base64 text of the
 * attachment in a JSON answer. Output: one JSON line.
 *
 *   floor URL_PREFIX URL_SUFFIX distinct total
 *   floor version    what curl is built on */
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
    int packed, base64;
    char *text; /* of a JSON answer */
    size_t text_len;
} s;

static void decode(const char *in, size_t left);

/* ---- base64, four characters at a time through tables ---- */

static unsigned values[4][256];

static void make_tables(void) {
    const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned k = 0; k < 4; k++) {
            values[k][(unsigned char)digits[i]] = i << (18 - 6 * k);
        }
    }
}

static size_t gather(char *ptr, size_t size, size_t count, void *user) {
    (void)user;
    memcpy(s.text + s.text_len, ptr, size * count);
    s.text_len += size * count;
    return size * count;
}

static void decode_answer(void) {
    char *p = strstr(s.text, "\"attachment\": \"");
    unsigned char *in = (unsigned char *)(p != NULL ? p + 15 : s.text);
    unsigned char *out = in;
    unsigned char *start = in;
    for (; in[0] != '"' && in[3] != '='; in += 4, out += 3) {
        unsigned v = values[0][in[0]] | values[1][in[1]] | values[2][in[2]] | values[3][in[3]];
        out[0] = (unsigned char)(v >> 16);
        out[1] = (unsigned char)(v >> 8);
        out[2] = (unsigned char)v;
    }
    if (in[0] != '"') { /* the last group is padded */
        unsigned v = values[0][in[0]] | values[1][in[1]] | values[2][in[2]];
        out[0] = (unsigned char)(v >> 16);
        out[1] = (unsigned char)(v >> 8);
        out += in[2] == '=' ? 1 : 2;
    }
    decode((const char *)start, (size_t)(out - start));
    s.text_len = 0;
}

static void decode(const char *in, size_t left) {
    while (left > 0) {
        size_t room = BUFFER - s.used;
        size_t taken = left < room ? left : room;
        size_t made = room < left ? room : left;
        if (s.packed) {
            made = room;
            size_t rc = LZ4F_decompress(s.lz4, s.out + s.used, &made, in, &taken, NULL);
            if (LZ4F_isError(rc)) {
                fprintf(stderr, "LZ4: %s\n", LZ4F_getErrorName(rc));
                exit(1);
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
}

static size_t on_bytes(char *ptr, size_t size, size_t count, void *user) {
    (void)user;
    decode(ptr, size * count);
    return size * count;
}

static double now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(curl_version());
        return 0;
    }
    if (argc != 5) {
        fprintf(stderr, "usage: floor URL_PREFIX URL_SUFFIX distinct total\n");
        return 2;
    }
    long distinct = strtol(argv[3], NULL, 10);
    long total = strtol(argv[4], NULL, 10);
    s.base64 = strstr(argv[2], "json") != NULL;
    s.packed = s.base64 || strstr(argv[2], "lz4") != NULL;
    s.out = malloc(BUFFER);
    s.text = calloc(1, BUFFER);
    make_tables();
    LZ4F_createDecompressionContext(&s.lz4, LZ4F_VERSION);
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s.base64 ? gather : on_bytes);
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
        if (s.base64) {
            decode_answer();
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
