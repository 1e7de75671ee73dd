/*
 * Messages as fragments of protocol.md section 12, one in each GATT value.  Pure.
 */
#ifndef CHANNEL_BLE_FRAMES_H
#define CHANNEL_BLE_FRAMES_H

#include "lib/frag.h"

enum {
	BLE_VALUE_MAX = 512, /* of a GATT value                                 */
	BLE_VALUE_MIN = 20,  /* ATT MTU 23                                      */
	BLE_MESSAGE_MAX = 65535,
	BLE_JOINS = 4, /* messages under assembly at once, from one descriptor  */
	BLE_IN_SIZE = BLE_JOINS * BLE_MESSAGE_MAX,
	BLE_GREETING = 3, /* bytes; a fragment has 14 at least                  */
};

/* How many bytes of value an ATT MTU carries. */
size_t ble_value_len(uint32_t mtu);

/*
 * The message number and the first bytes of the session a message names.  One that names
 * none, as a release, goes as number 8 under its own CRC.
 */
void ble_name(struct csn_bytes message, uint8_t ret_sid4[4], unsigned *ret_msg);
/* Can it be cut for values of @value_len bytes?  CSN_E_TOO_BIG when not. */
int ble_fits(struct csn_bytes message, size_t value_len);
/* Value @index of @message; 0 bytes behind the last. */
size_t ble_value(struct csn_bytes message, size_t value_len, size_t index,
                 uint8_t out[BLE_VALUE_MAX]);

/*
 * What comes in.  BlueZ hands a peripheral the values of all its centrals through one
 * descriptor: they are told apart by session and number.
 */
struct ble_in {
	struct csn_frag_join joins[BLE_JOINS];
	uint32_t             used[BLE_JOINS]; /* when, in values                */
	uint32_t             values, bad, messages;
};

/* "Say again what you show; my MTU is ...": what a central writes first. */
void ble_greeting(uint32_t mtu, uint8_t out[BLE_GREETING]);
/* The MTU of a greeting, or 0 for what is none. */
uint32_t ble_greeted(struct csn_bytes value);

/* @buf of BLE_IN_SIZE bytes. */
void ble_in_init(struct ble_in *in, uint8_t *buf);
/* Takes a value; the message it makes whole, valid until the next, or empty. */
struct csn_bytes ble_take(struct ble_in *in, struct csn_bytes value);

#endif
