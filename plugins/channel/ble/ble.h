/*
 * channel/ble: one GATT service over BlueZ, from either side of the air.  The host's loop
 * cuts and joins messages; a thread with a GLib loop speaks D-Bus.
 */
#ifndef CHANNEL_BLE_H
#define CHANNEL_BLE_H

#include <countersign/channel.h>
#include <countersign/host.h>
#include <countersign/plugin.h>

#include "frames.h"
#include "glib/glib-loop.h"
#include "lib/inbox.h"
#include "lib/outbox.h"

/* The service and its two values; a device's documentation gives the same. */
#define BLE_SERVICE "7c1d0001-6f3a-4b52-9c43-636f756e7473"
#define BLE_WRITE   "7c1d0002-6f3a-4b52-9c43-636f756e7473" /* central to peripheral */
#define BLE_NOTIFY  "7c1d0003-6f3a-4b52-9c43-636f756e7473" /* peripheral to central */

enum {
	BLE_PEERS   = 8,
	BLE_PATH    = 96,
	BLE_CENTRAL = 0, /* option "mode"                                       */
	BLE_PERIPHERAL = 1,
};

struct ble;

struct ble_peer {
	struct ble       *ble;
	bool              used;
	char              path[BLE_PATH];
	int               write_fd, read_fd; /* out (a central's) and in; -1: none */
	struct csn_watch *write_watch, *read_watch;
	size_t            value_len;
	size_t            index; /* next value of what is shown                 */
	uint8_t          *buf;
	struct ble_in     in;
};

struct ble_bus; /* the thread's side */

struct ble {
	const struct csn_host *host;
	char                  *adapter, *name, *medium, *socket;
	uint32_t               mode, limit, value;

	struct csn_inbox inbox;
	struct csn_outbox outbox;
	struct csn_buf  *shown;
	struct ble_peer  peers[BLE_PEERS];
	bool             subscribed;  /* peripheral: somebody listens           */
	size_t           notify_len;  /* of values; 0: nobody has greeted       */
	char             trouble[160];
	struct csn_glib *glib;
	struct ble_bus  *bus;
};

extern const struct csn_channel_ops ble_ops;
int ble_start(struct ble *ble, struct csn_error *err);
void ble_stop(struct ble *ble);

/* ble.c, on the loop: news of the thread */
/* @write_fd -1: a peripheral's, which only reads from its centrals. */
void ble_joined(struct ble *ble, const char *path, int write_fd, int read_fd, uint32_t mtu);
/* Peripheral: a value that BlueZ passed on by a call. */
void ble_written(struct ble *ble, const char *path, struct csn_bytes value);
void ble_subscribed(struct ble *ble, bool on);
void ble_trouble(struct ble *ble, int level, const char *text);

/* bus-io.c and the files of both sides; the first two on the loop */
int ble_bus_start(struct ble *ble, struct csn_error *err);
void ble_bus_stop(struct ble *ble);
/* [loop] The peer of that path is gone: look for it again. */
void ble_bus_gone(struct ble *ble, const char *path);
/* [loop] Peripheral: a value for whoever listens. */
void ble_bus_notify(struct ble *ble, struct csn_bytes value);

#endif
