/* Feeds files to a fuzz target without libFuzzer: fuzz_x_replay FILE_OR_FOLDER...
 * Runs in every build, so that inputs that once crashed stay fixed with every compiler and
 * sanitizer. The empty input is always tried; a folder that does not exist is an empty corpus. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs_run;

static void run_input(const uint8_t *data, size_t size) {
    (void)LLVMFuzzerTestOneInput(data, size);
    inputs_run++;
}

static void run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        (void)fprintf(stderr, "cannot read %s\n", path);
        exit(EXIT_FAILURE);
    }
    size_t size = (size_t)info.st_size;
    /* Exactly as long as the input, so that AddressSanitizer sees one byte too far. */
    uint8_t *data = malloc(size > 0 ? size : 1);
    if (data == NULL || fread(data, 1, size, file) != size) {
        (void)fprintf(stderr, "cannot read %zu bytes of %s\n", size, path);
        exit(EXIT_FAILURE);
    }
    (void)fclose(file);
    run_input(data, size);
    free(data);
}

static void run_path(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0) {
        return;
    }
    if (!S_ISDIR(info.st_mode)) {
        run_file(path);
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char child[4096];
        int length = snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && length > 0 && (size_t)length < sizeof child) {
            run_path(child);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv) {
    run_input((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        run_path(argv[i]);
    }
    (void)printf("%zu inputs\n", inputs_run);
    return EXIT_SUCCESS;
}
