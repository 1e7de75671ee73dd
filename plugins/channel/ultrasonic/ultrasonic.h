/*
 * A channel of near-ultrasonic bursts: the glue between the contract and sdk/modem.
 * Opens no device: the host moves samples between it and a media plugin.
 */
#ifndef CHANNEL_ULTRASONIC_H
#define CHANNEL_ULTRASONIC_H

#include "lib/inbox.h"
#include "modem/modem.h"

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include <stdbool.h>

enum {
	ULTRASONIC_LEAD = 2400,  /* samples of silence before a burst: 50 ms   */
	ULTRASONIC_TAIL = 14400, /* samples of silence after a burst: 0.3 s    */
	ULTRASONIC_GAP  = 9600,  /* lost samples that are filled in: 0.2 s     */
	ULTRASONIC_TOLD = 16,    /* attempts kept until somebody asks          */
};

/* One attempt, until it is told. */
struct attempt {
	struct csn_modem_report report;
	uint32_t                bytes; /* of the message, 0: there was none    */
};

struct ultrasonic {
	const struct csn_host *host;
	uint32_t               profile, band_low_hz, band_high_hz;
	int64_t                level_dbfs;

	struct csn_modem_config config;
	void                   *tx_memory, *rx_memory;
	struct csn_modem_tx    *tx; /* while a burst is being rendered         */
	struct csn_modem_rx    *rx;
	uint64_t                heard_ns; /* end of the last frame, 0: none    */
	size_t                  lead, tail; /* samples of silence still to come */

	struct csn_op   *sending;
	struct csn_inbox arrived;

	struct csn_modem_report last; /* the last attempt that gave no message */
	bool                    attempted;
	struct attempt          attempts[ULTRASONIC_TOLD]; /* oldest first     */
	size_t                  attempt_count;
	uint64_t                attempts_seen;
	float                   best_score; /* ever, whoever asked before      */
	char                    refusal[200]; /* why frames were refused       */
};

extern const struct csn_channel_ops ultrasonic_ops;

/* report.c */
void ultrasonic_note(struct ultrasonic *self, const struct csn_modem_event *event);
int ultrasonic_attempt(void *self, struct csn_channel_report *report);
int ultrasonic_meter(void *self, struct csn_channel_report *report);
int ultrasonic_points(void *self, float (*xy)[2], size_t room, size_t *ret_count);
int ultrasonic_diagnose(void *self, char *text, size_t len);

int ultrasonic_open(struct ultrasonic *self, struct csn_error *err);
void ultrasonic_close(struct ultrasonic *self);

#endif
