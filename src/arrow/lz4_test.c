#include "arrow/lz4.h"

#include <lz4frame.h>

#include "unit.h"

#define TEXT_SIZE 300000

static void fill_text(char *text) { /* compressible, without a short period */
    uint32_t x = 1;
    for (size_t i = 0; i < TEXT_SIZE; i++) {
        x = x * 1103515245u + 12345u;
        text[i] = (char)('a' + (x >> 16) % 4);
    }
}

static dbk_buf compress(const char *text, size_t size, const LZ4F_preferences_t *prefs) {
    dbk_buf out = {0};
    dbk_error err = {0};
    CHECK_OK(dbk_buf_reserve(&out, LZ4F_compressFrameBound(size, prefs), &err), &err);
    out.len = LZ4F_compressFrame(out.ptr, out.cap, text, size, prefs);
    CHECK(!LZ4F_isError(out.len));
    return out;
}

static dbk_status decode_all(dbk_slice in, size_t piece, size_t room, dbk_buf *out,
                             dbk_error *err) {
    dbk_status st = DBK_OK;
    dbk_lz4 *z = NULL;
    DBK_TRY(dbk_lz4_new(&z, err));
    while (in.len > 0) {
        dbk_slice part = {in.ptr, dbk_min_size(piece, in.len)};
        dbk_lz4_out step = {.room = room};
        in.ptr += part.len;
        in.len -= part.len;
        DBK_TRY(dbk_lz4_gather(z, &part, err));
        do {
            DBK_TRY(dbk_buf_reserve(out, room, err));
            step.dst = (uint8_t *)out->ptr + out->len;
            DBK_TRY(dbk_lz4_decode(z, &part, &step, err));
            out->len += step.produced;
        } while (part.len > 0 || step.produced == room);
    }
    DBK_TRY(dbk_lz4_finish(z, err));
    CHECK(dbk_lz4_between_frames(z));

done:
    dbk_lz4_free(z);
    return st;
}

static const struct {
    const char *name;
    LZ4F_frameInfo_t info;
} kinds[] = {
    {"default", {0}},
    {"4 MiB independent", {.blockSizeID = LZ4F_max4MB, .blockMode = LZ4F_blockIndependent}},
    {"64 KiB linked", {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockLinked}},
    {"content checksum", {.contentChecksumFlag = LZ4F_contentChecksumEnabled}},
    {"block checksum",
     {.blockSizeID = LZ4F_max64KB, .blockChecksumFlag = LZ4F_blockChecksumEnabled}},
    {"content size", {.contentSize = TEXT_SIZE}},
};

DBK_TEST(lz4_every_kind_of_frame) {
    static const size_t pieces[][2] = {{SIZE_MAX, TEXT_SIZE + 1}, {1, 4096}, {777, 65536}, {5, 7}};
    static char text[TEXT_SIZE];
    fill_text(text);
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        LZ4F_preferences_t prefs = {.frameInfo = kinds[k].info};
        dbk_buf frame = compress(text, TEXT_SIZE, &prefs);
        CHECK_CASE(kinds[k].name);
        for (size_t p = 0; p < COUNT_OF(pieces); p++) {
            dbk_error err = {0};
            dbk_buf out = {0};
            CHECK_OK(decode_all(dbk_buf_slice(&frame), pieces[p][0], pieces[p][1], &out, &err),
                     &err);
            CHECK_EQ_SIZE(out.len, TEXT_SIZE);
            CHECK_MEM(out.ptr, text, TEXT_SIZE);
            dbk_buf_reset(&out);
        }
        dbk_buf_reset(&frame);
    }
}

/* So a reader needs no memory for a block's output before all of the block is there. */
DBK_TEST(lz4_gathers_what_ends_no_block) {
    static char text[TEXT_SIZE];
    static char room[TEXT_SIZE];
    LZ4F_preferences_t prefs = {.frameInfo = {.blockSizeID = LZ4F_max4MB}};
    dbk_error err = {0};
    dbk_lz4 *z = NULL;
    fill_text(text);
    dbk_buf frame = compress(text, TEXT_SIZE, &prefs);
    CHECK_OK(dbk_lz4_new(&z, &err), &err);
    dbk_slice head = dbk_slice_n(frame.ptr, 100);
    dbk_lz4_out out = {.dst = (uint8_t *)room, .room = sizeof room};
    CHECK_OK(dbk_lz4_gather(z, &head, &err), &err);
    CHECK_EQ_SIZE(head.len, 100); /* the frame's header may say anything */
    CHECK_OK(dbk_lz4_decode(z, &head, &out, &err), &err);
    dbk_slice middle = dbk_slice_n(frame.ptr + 100, frame.len - 200);
    CHECK_OK(dbk_lz4_gather(z, &middle, &err), &err);
    CHECK_EQ_SIZE(middle.len, 0);
    dbk_slice end = dbk_slice_n(frame.ptr + frame.len - 100, 100);
    CHECK_OK(dbk_lz4_gather(z, &end, &err), &err);
    CHECK_EQ_SIZE(end.len, 100);
    CHECK_OK(dbk_lz4_decode(z, &end, &out, &err), &err);
    CHECK_EQ_SIZE(out.produced, TEXT_SIZE);
    CHECK_MEM(room, text, TEXT_SIZE);
    CHECK_OK(dbk_lz4_finish(z, &err), &err);
    dbk_lz4_free(z);
    dbk_buf_reset(&frame);
}

DBK_TEST(lz4_frames_behind_one_another) {
    dbk_error err = {0};
    dbk_buf two = compress("first ", 6, NULL);
    dbk_buf second = compress("second", 6, NULL);
    dbk_buf out = {0};
    CHECK_OK(dbk_buf_puts(&two, "\x50\x2a\x4d\x18", &err), &err); /* a skippable frame between */
    CHECK_OK(dbk_buf_append(&two, "\x03\0\0\0xyz", 7, &err), &err);
    CHECK_OK(dbk_buf_put_slice(&two, dbk_buf_slice(&second), &err), &err);
    for (size_t piece = 1; piece <= two.len; piece++) {
        dbk_buf_clear(&out);
        CHECK_OK(decode_all(dbk_buf_slice(&two), piece, 4, &out, &err), &err);
        CHECK_SLICE(out, "first second");
    }
    dbk_buf_reset(&two);
    dbk_buf_reset(&second);
    dbk_buf_reset(&out);
}

/* liblz4 up to 1.9.4 keeps the declared size of a frame that it was reset in. */
DBK_TEST(lz4_a_frame_left_halfway_does_not_spoil_the_next) {
    static char text[TEXT_SIZE];
    fill_text(text);
    LZ4F_preferences_t sized = {.frameInfo = {.contentSize = TEXT_SIZE}};
    dbk_buf first = compress(text, TEXT_SIZE, &sized);
    dbk_buf second = compress(text, TEXT_SIZE, NULL);
    for (size_t cut = 1; cut < first.len; cut += 997) {
        dbk_error err = {0};
        dbk_buf out = {0};
        CHECK_FAILS(decode_all(dbk_slice_n(first.ptr, cut), SIZE_MAX, TEXT_SIZE, &out, &err), &err,
                    DBK_DATA_LOSS, "ends inside");
        dbk_error_reset(&err);
        dbk_buf_clear(&out);
        CHECK_OK(decode_all(dbk_buf_slice(&second), SIZE_MAX, TEXT_SIZE + 1, &out, &err), &err);
        CHECK_EQ_SIZE(out.len, TEXT_SIZE);
        dbk_buf_reset(&out);
    }
    dbk_buf_reset(&first);
    dbk_buf_reset(&second);
    dbk_lz4_pool_trim();
}

static void check_fails(dbk_slice in, const char *text) {
    dbk_error err = {0};
    dbk_buf out = {0};
    CHECK_FAILS(decode_all(in, SIZE_MAX, 4096, &out, &err), &err, DBK_DATA_LOSS, text);
    dbk_buf_reset(&out);
    dbk_error_reset(&err);
}

DBK_TEST(lz4_errors) {
    LZ4F_preferences_t prefs = {.frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled}};
    char text[200] = "some text to be compressed, compressed, compressed";
    dbk_buf frame = compress(text, sizeof text, &prefs);
    check_fails(DBK_SLICE("<html>"), "no LZ4 frame: it begins with 3C 68 74 6D 6C 3E \"<html>\"");
    check_fails(DBK_SLICE("\xff\xff\xff\xff\x10\0\0\0"), "begins with FF FF FF FF 10 00 00 00 \"");
    for (size_t size = 1; size < frame.len; size++) {
        check_fails(dbk_slice_n(frame.ptr, size), "the input ends inside LZ4 frame 1, after");
    }
    frame.ptr[frame.len - 1] ^= 1;
    check_fails(dbk_buf_slice(&frame), "LZ4 frame 1 is broken near compressed byte");
    frame.ptr[frame.len - 1] ^= 1;
    frame.ptr[5] ^= 1; /* the header's own checksum */
    check_fails(dbk_buf_slice(&frame), "LZ4 frame 1 is broken");
    frame.ptr[5] ^= 1;
    dbk_error err = {0};
    CHECK_OK(dbk_buf_puts(&frame, "garbage behind it", &err), &err);
    check_fails(dbk_buf_slice(&frame), "LZ4 frame 2 is broken");
    dbk_buf_reset(&frame);
}

DBK_TEST(lz4_bytes_text) {
    char text[DBK_BYTES_TEXT_SIZE];
    dbk_bytes_text((const uint8_t *)"", 0, text);
    CHECK_STR(text, "\"\"");
    dbk_bytes_text((const uint8_t *)"\x01z\xff", 3, text);
    CHECK_STR(text, "01 7A FF \".z.\"");
    dbk_bytes_text((const uint8_t *)"123456789", 9, text);
    CHECK_STR(text, "31 32 33 34 35 36 37 38 \"12345678\"");
}

DBK_OOM_TEST(lz4_oom) {
    dbk_lz4 *z = NULL;
    dbk_lz4_pool_trim();
    dbk_status st = dbk_lz4_new(&z, err);
    dbk_lz4_free(z);
    dbk_lz4_pool_trim();
    return st;
}
