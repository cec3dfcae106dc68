#include "watch.h"

#include "progress.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "dbkernel.h"

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
    atomic_int got;       /* the first signal since cli_watch_again */
    atomic_int repeats;   /* signals behind it */
    atomic_bool stopping; /* the next wake-up is cli_watch_stop's */
    atomic_bool idle;     /* at the prompt of the shell: signals go to prompt_fd */
    int prompt_fd;        /* eventfd; -1: there is no prompt, the second signal ends dbk */

    /* What is on the screen and what it shows. The lock is never held across network calls. */
    pthread_mutex_t lock;
    kernel_statement_t *stmt;
    bool connecting;
    uintptr_t shown_statement; /* the number of the statement that a signal means */
    atomic_bool drawn;         /* read without the lock when the program ends at once */
    uint64_t since_ms;

    /* The canceller is freed only while nobody cancels: held during the request. */
    pthread_mutex_t cancel_lock;
    kernel_statement_canceller_t *canceller;
    uintptr_t statement; /* counts them: a late helper must not cancel the next one */
} watch = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .cancel_lock = PTHREAD_MUTEX_INITIALIZER, .prompt_fd = -1};

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
static void *cancel_statement(void *statement) {
    (void)pthread_mutex_lock(&watch.cancel_lock);
    if (watch.canceller != NULL && (uintptr_t)statement == watch.statement) {
        (void)kernel_statement_canceller_cancel(watch.canceller, NULL);
    }
    (void)pthread_mutex_unlock(&watch.cancel_lock);
    return NULL;
}

static void first_signal(int signal_number) {
    pthread_t helper;
    (void)pthread_mutex_lock(&watch.lock);
    uintptr_t statement = watch.shown_statement;
    atomic_store(&watch.got, signal_number);
    (void)kernel_cancel_token_cancel(watch.token);
    (void)pthread_mutex_unlock(&watch.lock);
    /* the number travels as the argument: nothing is pointed to */
    if (pthread_create(&helper, NULL, cancel_statement, (void *)statement) == 0) {
        (void)pthread_detach(helper);
    }
}

__attribute__((noreturn)) static void second_signal(int signal_number) {
    if (watch.drawn) {
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    }
    cli_out_abandon_now(watch.out);
    _exit(128 + signal_number);
}

static void tell_prompt(void) {
    const uint64_t one = 1;
    (void)!write(watch.prompt_fd, &one, sizeof one);
}

/* In the shell: impatient fingers do not end it, a third Ctrl-C does. */
static void repeated_signal(int signal_number) {
    static const char told[] = "\r\033[Kcancelling; Ctrl-C once more leaves dbk\n";
    bool patient = watch.prompt_fd >= 0 && signal_number == SIGINT;
    if (!patient || atomic_fetch_add(&watch.repeats, 1) > 0) {
        second_signal(signal_number);
    }
    (void)!write(STDERR_FILENO, told, sizeof told - 1);
}

static void take_signal(int signal_number) {
    if (signal_number == SIGWINCH || signal_number == SIGUSR2) {
        if (atomic_load(&watch.idle) && signal_number == SIGWINCH) {
            tell_prompt();
        }
    } else if (atomic_load(&watch.idle)) {
        atomic_store(&watch.got, signal_number);
        tell_prompt();
    } else if (atomic_load(&watch.got) != 0) {
        repeated_signal(signal_number);
    } else {
        first_signal(signal_number);
    }
}

static void *watch_thread(void *unused) {
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = DRAW_EVERY_MS * 1000000L};
    (void)unused;
    for (;;) {
        bool draws = watch.progress && !atomic_load(&watch.idle);
        int got =
            draws ? sigtimedwait(&watch.signals, NULL, &pause) : sigwaitinfo(&watch.signals, NULL);
        if (atomic_load(&watch.stopping)) {
            return NULL;
        }
        if (got > 0) {
            take_signal(got);
        }
        if (draws) {
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
    (void)sigaddset(&watch.signals, SIGUSR2); /* wakes the thread */
    if (watch.prompt_fd >= 0) {
        (void)sigaddset(&watch.signals, SIGWINCH);
    }
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

static bool signalled(void *unused) {
    (void)unused;
    return cli_watch_signal() != 0;
}

void cli_watch_interruptible(bool on) {
    dbk_set_wait_hook(on ? signalled : NULL, NULL);
}

/* ---- the shell's prompt ---- */

void cli_watch_prompt(void) {
    watch.prompt_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int cli_watch_fd(void) {
    return watch.prompt_fd;
}

void cli_watch_idle(bool on) {
    atomic_store(&watch.idle, on);
    if (watch.running) {
        (void)pthread_kill(watch.thread, SIGUSR2); /* it waits in another way now */
    }
}

int cli_watch_again(void) {
    kernel_cancel_token_t *fresh = NULL;
    uint64_t told = 0;
    int got = atomic_load(&watch.got);
    if (got != SIGINT) { /* the others end the shell: they stay */
        return got;
    }
    (void)kernel_cancel_token_new(&fresh);
    (void)pthread_mutex_lock(&watch.lock);
    kernel_cancel_token_t *fired = watch.token;
    watch.token = fresh;
    atomic_store(&watch.repeats, 0);
    atomic_store(&watch.got, 0);
    (void)pthread_mutex_unlock(&watch.lock);
    (void)kernel_cancel_token_free(fired);
    (void)!read(watch.prompt_fd, &told, sizeof told);
    return got;
}

void cli_watch_output(const cli_out *out) {
    watch.out = out;
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
    uintptr_t statement = ++watch.statement;
    (void)pthread_mutex_unlock(&watch.cancel_lock);
    (void)pthread_mutex_lock(&watch.lock);
    watch.shown_statement = statement;
    (void)pthread_mutex_unlock(&watch.lock);
}

void cli_watch_connecting(void) {
    set_shown(NULL, true);
}

void cli_watch_begin(kernel_statement_t *stmt, kernel_statement_canceller_t *canceller) {
    set_canceller(canceller);
    set_shown(stmt, false);
    if (cli_watch_signal() != 0) { /* it came between two statements */
        (void)cancel_statement((void *)watch.statement);
    }
}

void cli_watch_end(void) {
    set_shown(NULL, false);
    set_canceller(NULL);
}

void cli_watch_hide(void) {
    set_shown(NULL, false);
}
