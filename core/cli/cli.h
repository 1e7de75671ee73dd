/*
 * The countersign command: thin.  Arguments in, one answer out, an exit code.
 * Data goes to standard output, talk to standard error; with --json standard
 * output is exactly one document, also on failure.
 */
#ifndef CSN_CLI_H
#define CSN_CLI_H

#include <jansson.h>
#include <popt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_exit {
	CLI_OK          = 0,  /* did it; or nothing to do                     */
	CLI_NO          = 1,  /* ran, and the answer is no                    */
	CLI_USAGE       = 2,  /* wrong use or configuration; nothing started  */
	CLI_CANNOT      = 3,  /* cannot run here                              */
	CLI_TIMEOUT     = 4,  /* nothing came in time                         */
	CLI_PARTLY      = 5,  /* true as far as it goes; outcome unknown      */
	CLI_INTERNAL    = 70, /* our own fault                                */
	CLI_INTERRUPTED = 130,
};

/* What one run of the command is about. */
struct cli {
	const char *config;  /* -c, NULL: the default place                   */
	const char *log_style; /* --log, NULL: as the configuration says      */
	int         json, json_lines, quiet, verbose, no_input;
	bool        ascii;   /* marks in ASCII: the locale has no UTF-8       */
	json_t     *doc;     /* members of the answer, printed at the end     */
	char      **args;    /* what popt left over                           */
	int         arg_count;
};

struct cli_command {
	const char              *name;
	const char              *summary;
	const char              *synopsis; /* after the name                  */
	const char              *detail;   /* paragraphs for help and manual  */
	const char              *words;    /* first argument's words, for completion */
	const struct poptOption *options;  /* its own; NULL: none             */
	int (*run)(struct cli *cli);
};

extern const struct cli_command *const cli_commands[]; /* NULL ends        */
extern const struct poptOption         cli_globals[];

/* A failure as a person and a program read it.  Members may be NULL. */
struct cli_failure {
	const char *code;   /* stable: "CSN-CFG-001"                          */
	const char *stage;  /* "configuration", "offer", ...                  */
	const char *found, *wanted, *effect, *next;
};

/* Prints @text and @why, remembers them for --json; returns @exit_code. */
int cli_fail(struct cli *cli, int exit_code, const struct cli_failure *why,
             const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same words for what is no failure of the whole command; remembers nothing. */
void cli_tell(const struct cli_failure *why, const char *text);
/* One line of data on standard output; nothing with --json or -q. */
void cli_line(const struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One line of the story: @mark is one of + x ! ? - (yes, no, warning, unknown, none). */
void cli_story(const struct cli *cli, char mark, const char *stage, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A device id as people type it, 32 hex digits; false for NULL, too. */
bool cli_did(const char *text, uint8_t ret_did[16]);
/* Sub-command word, or NULL after an error that names the choices. */
const char *cli_word(struct cli *cli, const char *command, const char *choices);

/* files.c: whole files, bounded; writing is by rename, @mode set before any byte. */
int  cli_read(const char *path, size_t limit, uint8_t **ret_bytes, size_t *ret_len);
int  cli_write_all(int fd, const uint8_t *bytes, size_t len);
int  cli_write(const char *path, const void *bytes, size_t len, unsigned mode);
int  cli_folder(const char *path, unsigned mode);
char *cli_path(const char *folder, const char *name); /* malloced          */
/* Is there @relative to this program's own folder?  Installed trees may be moved. */
bool cli_beside(const char *relative, char path[4096]);

/* reasons.c: what every code means. */
struct cli_reason {
	int         code; /* protocol code, see protocol.md section 6        */
	const char *name, *meaning, *next;
};
extern const struct cli_reason cli_reasons[]; /* name NULL ends            */
const struct cli_reason *cli_reason_find(const char *text);

/* Why evidence is refused: "x509.crl.time", or what its codes begin with. */
struct cli_evidence_reason {
	const char *name, *meaning, *next;
};
extern const struct cli_evidence_reason cli_evidence_reasons[]; /* name NULL ends */
/* The row with the most of @code; NULL: none. */
const struct cli_evidence_reason *cli_evidence_reason_find(const char *code);

#endif
