/* watch.h: one thread that waits for signals and draws the progress line.
 *
 * SIGINT, SIGTERM and SIGHUP are blocked everywhere else. The first one cancels: whatever the main
 * thread waits for returns soon, and cli_watch_signal tells it why. The second one ends the process
 * at once; in the shell the second SIGINT only says so, the third one ends it. Every function is for the main thread unless it says otherwise. */
#ifndef DBK_CLI_WATCH_H
#define DBK_CLI_WATCH_H

#include "cli.h"
#include "out.h"

#include "databricks_kernel.h"

/* Before any other thread exists. out is told of a sudden end; progress: draw on standard error. */
void cli_watch_start(const cli_out *out, bool progress);
void cli_watch_stop(void);

/* The signal that asked to stop, or 0. Any thread. */
int cli_watch_signal(void);
/* For the cancellable calls; fired by the first signal. Lives until cli_watch_stop. */
kernel_cancel_token_t *cli_watch_token(void);

/* "connecting" from now on. */
void cli_watch_connecting(void);
/* A statement is about to execute: show its progress, cancel it on a signal. */
void cli_watch_begin(kernel_statement_t *stmt, kernel_statement_canceller_t *canceller);
/* Forgets both and clears the line; waits until nobody uses them. Also ends "connecting". */
void cli_watch_end(void);
/* on: kernel calls of this thread that wait end early (Cancelled) once a signal came. */
void cli_watch_interruptible(bool on);
/* Clears the line and keeps it away until the next begin: rows are about to appear there. */
void cli_watch_hide(void);

/* ---- for the shell ---- */

/* There will be a prompt. Before cli_watch_start. */
void cli_watch_prompt(void);
/* on: the main thread reads a line; a signal does nothing but make cli_watch_fd readable. The size of
 * the terminal has changed when it is readable and cli_watch_signal is 0. */
void cli_watch_idle(bool on);
int cli_watch_fd(void);
/* The signal since the last call, or 0. SIGINT is forgotten then and the token is a new one. */
int cli_watch_again(void);
/* Another output is to be abandoned at a sudden end; NULL: none. */
void cli_watch_output(const cli_out *out);

#endif
