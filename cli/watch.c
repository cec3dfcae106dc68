#include "watch.h"

#include "progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
    DRAW_EVERY_MS = 100,
    DRAW_AFTER_MS = 400 /* a statement that is quicker shows no line at all */
};

static struct {
    pthread_t thread;
    bool running;
    bool progress;
    const cli_out *out;
    sigset_t signals;
    kernel_cancel_token_t *token;
    atomic_int got;       /* the first signal */
    atomic_bool stopping; /* the next wake-up is cli_watch_stop's */

    /* What is on the screen and what it shows. The lock is never held across network calls. */
    pthread_mutex_t lock;
    kernel_statement_t *stmt;
    bool connecting;
    bool drawn;
    uint64_t since_ms;

    /* The canceller is freed only while nobody cancels: held during the request. */
    pthread_mutex_t cancel_lock;
    kernel_statement_canceller_t *canceller;
} watch = {.lock = PTHREAD_MUTEX_INITIALIZER, .cancel_lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t now_ms(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the line ---- */

static void clear_locked(void) {
    if (watch.drawn) {
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
        watch.drawn = false;
    }
}

static void draw(void) {
    struct winsize screen = {0};
    dbk_progress progress = {.struct_size = sizeof progress};
    cli_buf line = {0};
    (void)pthread_mutex_lock(&watch.lock);
    uint64_t elapsed_ms = now_ms() - watch.since_ms;
    bool known = watch.stmt != NULL &&
                 dbk_statement_get_progress(watch.stmt, &progress) == KernelStatusCode_Success;
    if ((known || watch.connecting) && elapsed_ms >= DRAW_AFTER_MS) {
        size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &screen) == 0 && screen.ws_col > 1
                           ? screen.ws_col - 1u
                           : 79;
        cli_buf_add_char(&line, '\r');
        cli_progress_line(&line, known ? &progress : NULL, elapsed_ms, width);
        cli_buf_add_str(&line, "\033[K");
        (void)!write(STDERR_FILENO, line.ptr, line.len);
        watch.drawn = true;
    }
    (void)pthread_mutex_unlock(&watch.lock);
    cli_buf_reset(&line);
}

/* ---- signals ---- */

/* On its own thread: the request may take long, and the next signal must be heard meanwhile. */
static void *cancel_statement(void *unused) {
    (void)unused;
    (void)pthread_mutex_lock(&watch.cancel_lock);
    if (watch.canceller != NULL) {
        (void)kernel_statement_canceller_cancel(watch.canceller, NULL);
    }
    (void)pthread_mutex_unlock(&watch.cancel_lock);
    return NULL;
}

static void first_signal(int signal_number) {
    pthread_t helper;
    atomic_store(&watch.got, signal_number);
    if (pthread_create(&helper, NULL, cancel_statement, NULL) == 0) {
        (void)pthread_detach(helper);
    }
    (void)kernel_cancel_token_cancel(watch.token);
}

__attribute__((noreturn)) static void second_signal(int signal_number) {
    if (watch.drawn) {
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    }
    cli_out_abandon_now(watch.out);
    _exit(128 + signal_number);
}

static void *watch_thread(void *unused) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = DRAW_EVERY_MS * 1000000L};
    (void)unused;
    for (;;) {
        int got = watch.progress ? sigtimedwait(&watch.signals, NULL, &pause)
                                 : sigwaitinfo(&watch.signals, NULL);
        if (atomic_load(&watch.stopping)) {
            return NULL;
        }
        if (got > 0 && atomic_load(&watch.got) != 0) {
            second_signal(got);
        } else if (got > 0) {
            first_signal(got);
        }
        if (watch.progress) {
            draw();
        }
    }
}

/* ---- the main thread's side ---- */

void cli_watch_start(const cli_out *out, bool progress) {
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
    watch.out = out;
    watch.progress = progress;
    (void)sigemptyset(&watch.signals);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct sigaction old;
        /* nohup and background jobs of scripts ignore some: that stays so */
        if (sigaction(wanted[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            (void)sigaddset(&watch.signals, wanted[i]);
        }
    }
    (void)sigaddset(&watch.signals, SIGUSR2); /* cli_watch_stop */
    (void)pthread_sigmask(SIG_BLOCK, &watch.signals, NULL);
    (void)kernel_cancel_token_new(&watch.token);
    watch.running = pthread_create(&watch.thread, NULL, watch_thread, NULL) == 0;
    if (!watch.running) { /* then Ctrl-C must at least end the program */
        (void)pthread_sigmask(SIG_UNBLOCK, &watch.signals, NULL);
    }
}

void cli_watch_stop(void) {
    if (watch.running) {
        atomic_store(&watch.stopping, true);
        (void)pthread_kill(watch.thread, SIGUSR2);
        (void)pthread_join(watch.thread, NULL);
        watch.running = false;
    }
    (void)kernel_cancel_token_free(watch.token);
    watch.token = NULL;
}

int cli_watch_signal(void) {
    return atomic_load(&watch.got);
}

kernel_cancel_token_t *cli_watch_token(void) {
    return watch.token;
}

static void set_shown(kernel_statement_t *stmt, bool connecting) {
    (void)pthread_mutex_lock(&watch.lock);
    clear_locked();
    watch.stmt = stmt;
    watch.connecting = connecting;
    watch.since_ms = now_ms();
    (void)pthread_mutex_unlock(&watch.lock);
}

static void set_canceller(kernel_statement_canceller_t *canceller) {
    (void)pthread_mutex_lock(&watch.cancel_lock);
    watch.canceller = canceller;
    (void)pthread_mutex_unlock(&watch.cancel_lock);
}

void cli_watch_connecting(void) {
    set_shown(NULL, true);
}

void cli_watch_begin(kernel_statement_t *stmt, kernel_statement_canceller_t *canceller) {
    set_canceller(canceller);
    set_shown(stmt, false);
    if (cli_watch_signal() != 0) { /* it came between two statements */
        (void)cancel_statement(NULL);
    }
}

void cli_watch_end(void) {
    set_shown(NULL, false);
    set_canceller(NULL);
}

void cli_watch_hide(void) {
    set_shown(NULL, false);
}
