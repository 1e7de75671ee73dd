/* The thread that waits for tags on a PC/SC reader.  Only plain PC/SC: any reader will do. */
#define _GNU_SOURCE 1 /* pthread_cond_clockwait */

#include "nfc.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <winscard.h>

enum {
	ABSENT_MS = 1000, /* between looks for a daemon or a reader             */
	READERS   = 16,
};

struct card {
	SCARDHANDLE handle;
	DWORD       protocol;
};

static bool
stopping(struct nfc *nfc)
{
	pthread_mutex_lock(&nfc->lock);
	const bool stop = nfc->stop;
	pthread_mutex_unlock(&nfc->lock);
	return stop;
}

/* Sleeps until something is new to send, the end, or @ms. */
static void
rest_ms(struct nfc *nfc, uint32_t ms, uint32_t name)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&nfc->lock);
	while (!nfc->stop && nfc->name == name &&
	       pthread_cond_clockwait(&nfc->changed, &nfc->lock, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&nfc->lock);
}

void
nfc_wake(struct nfc *nfc)
{
	pthread_cond_signal(&nfc->changed);
	if (nfc->stop && nfc->alive)
		SCardCancel(nfc->context);
}

static int
transmit(void *arg, struct csn_bytes command, uint8_t *response, size_t *ret_len)
{
	const struct card *card = arg;
	const SCARD_IO_REQUEST *pci = card->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 :
	                                                                    SCARD_PCI_T1;
	DWORD len = READER_RESPONSE_MAX;

	if (SCardTransmit(card->handle, pci, command.ptr, command.len, NULL, response, &len) !=
	    SCARD_S_SUCCESS)
		return -1;
	*ret_len = len;
	return 0;
}

/* The message of the moment, as the reader's core is to have it. */
static void
take_orders(struct nfc *nfc, struct csn_buf **held)
{
	const struct csn_host *host = nfc->host;

	pthread_mutex_lock(&nfc->lock);
	const uint32_t name = nfc->name;
	if (name != nfc->reader.out.name) {
		host->buf_unref(*held);
		*held = nfc->shown != NULL ? host->buf_ref(nfc->shown) : NULL;
		reader_send(&nfc->reader,
		            *held != NULL ? host->buf_bytes(*held) : CSN_BYTES_NONE, name);
	}
	pthread_mutex_unlock(&nfc->lock);
}

static void
refused(struct nfc *nfc, int result)
{
	const uint32_t name = nfc->reader.out.name;

	if (result == READER_NOT_OURS)
		nfc_trouble(nfc, CSN_LOG_INFO, "a card that is no NFC Forum Type 4 Tag lies on "
		            "the reader");
	else if (result == READER_TOO_BIG)
		nfc_carried(nfc, name, CSN_E_TOO_BIG, "the message is larger than this tag takes");
	else if (result == READER_REFUSED)
		nfc_carried(nfc, name, CSN_E_IO, "the tag does not take what is written to it");
}

/* Talks to the tag until it goes, or until it is none of ours. */
static int
visit(struct nfc *nfc, struct csn_buf **held)
{
	struct reader *reader = &nfc->reader;
	uint32_t told = 0;

	int r = reader_meet(reader);
	if (r == READER_MOVED)
		nfc_trouble(nfc, CSN_LOG_DEBUG, "");
	while (r >= 0 && !stopping(nfc)) {
		struct csn_bytes message;

		take_orders(nfc, held);
		r = reader_step(reader, &message);
		if (message.len > 0)
			nfc_arrived(nfc, message);
		if (reader_sent(reader) && told != reader->out.name) {
			told = reader->out.name;
			nfc_carried(nfc, told, CSN_OK, NULL);
		}
		if (r == READER_REFUSED || r == READER_TOO_BIG) {
			refused(nfc, r);
			rest_ms(nfc, ABSENT_MS, reader->out.name);
			r = READER_IDLE; /* another message may fit */
		}
		if (r == READER_IDLE)
			rest_ms(nfc, nfc->poll_ms, reader->out.name);
	}
	if (r == READER_NOT_OURS)
		refused(nfc, r);
	return r;
}

/* One tag, from its coming to its going. */
static int
meet(struct nfc *nfc, const char *reader_name, struct csn_buf **held)
{
	struct card card;
	const LONG r = SCardConnect(nfc->context, reader_name, SCARD_SHARE_EXCLUSIVE,
	                            SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card.handle,
	                            &card.protocol);

	if (r != SCARD_S_SUCCESS) {
		nfc_trouble(nfc, CSN_LOG_INFO,
		            r == SCARD_E_SHARING_VIOLATION ?
		                    "another program uses the card on the reader" :
		                    "the card on the reader does not answer");
		return READER_GONE;
	}
	nfc->reader.arg = &card;
	const int result = visit(nfc, held);
	/*
	 * Not reset: where another tag took the place of this one between two looks of the
	 * daemon, a failed reset would leave it mute until it is taken away.
	 */
	SCardDisconnect(card.handle, SCARD_LEAVE_CARD);
	return result;
}

/* The readers we may use, out of a list of names; their count. */
static DWORD
choose(const struct nfc *nfc, char *names, SCARD_READERSTATE *states)
{
	DWORD count = 0;

	for (char *name = names; *name != '\0' && count < READERS; name += strlen(name) + 1)
		if (nfc->reader_name == NULL || strstr(name, nfc->reader_name) != NULL)
			states[count++] = (SCARD_READERSTATE){ .szReader = name };
	return count;
}

/* Looks at the readers there are, until they change or a tag was met. */
static void
watch_readers(struct nfc *nfc, char *names, struct csn_buf **held)
{
	SCARD_READERSTATE states[READERS];
	const DWORD count = choose(nfc, names, states);
	LONG r = SCARD_S_SUCCESS;

	if (count == 0) {
		nfc_trouble(nfc, CSN_LOG_INFO, "no NFC reader: is it plugged in?");
		rest_ms(nfc, ABSENT_MS, nfc->reader.out.name);
		return;
	}
	nfc_trouble(nfc, CSN_LOG_DEBUG, "no tag on the reader");
	while (!stopping(nfc) && (r == SCARD_S_SUCCESS || r == SCARD_E_TIMEOUT ||
	                          r == SCARD_E_CANCELLED)) {
		r = SCardGetStatusChange(nfc->context, ABSENT_MS, states, count);
		for (DWORD i = 0; r == SCARD_S_SUCCESS && i < count; i++) {
			states[i].dwCurrentState = states[i].dwEventState;
			if ((states[i].dwEventState & SCARD_STATE_UNKNOWN) != 0)
				return; /* unplugged */
			if ((states[i].dwEventState & SCARD_STATE_PRESENT) == 0 ||
			    (states[i].dwEventState & SCARD_STATE_MUTE) != 0)
				continue;
			/* One that is gone by the time we talk to it is seen at once. */
			if (meet(nfc, states[i].szReader, held) == READER_GONE)
				states[i].dwCurrentState = SCARD_STATE_UNAWARE;
			if (states[i].dwCurrentState == SCARD_STATE_UNAWARE)
				rest_ms(nfc, 10, nfc->reader.out.name);
		}
	}
}

static void
set_alive(struct nfc *nfc, bool alive)
{
	pthread_mutex_lock(&nfc->lock);
	nfc->alive = alive;
	pthread_mutex_unlock(&nfc->lock);
}

/* A context lives as long as the daemon; then all starts anew. */
static void
with_daemon(struct nfc *nfc, struct csn_buf **held)
{
	while (!stopping(nfc)) {
		char names[4096] = "";
		DWORD len = sizeof names - 1;
		const LONG r = SCardListReaders(nfc->context, NULL, names, &len);

		if (r != SCARD_S_SUCCESS && r != SCARD_E_NO_READERS_AVAILABLE)
			return;
		names[r == SCARD_S_SUCCESS ? len : 0] = '\0';
		watch_readers(nfc, names, held);
		if (SCardIsValidContext(nfc->context) != SCARD_S_SUCCESS)
			return;
	}
}

void *
nfc_thread(void *arg)
{
	struct nfc *nfc = arg;
	struct csn_buf *held = NULL;

	nfc->reader.transmit = transmit;
	while (!stopping(nfc)) {
		if (SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &nfc->context) !=
		    SCARD_S_SUCCESS) {
			nfc_trouble(nfc, CSN_LOG_WARN,
			            "pcscd is not running: systemctl start pcscd.socket");
			rest_ms(nfc, ABSENT_MS, nfc->reader.out.name);
			continue;
		}
		set_alive(nfc, true);
		with_daemon(nfc, &held);
		set_alive(nfc, false);
		SCardReleaseContext(nfc->context);
		if (!stopping(nfc))
			rest_ms(nfc, ABSENT_MS / 4, nfc->reader.out.name);
	}
	nfc->host->buf_unref(held);
	return NULL;
}
