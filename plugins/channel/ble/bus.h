/* The D-Bus side of channel/ble; everything here runs on its thread. */
#ifndef CHANNEL_BLE_BUS_H
#define CHANNEL_BLE_BUS_H

#include "ble.h"

#include <gio/gunixfdlist.h>

#define BLUEZ       "org.bluez"
#define PROPERTIES  "org.freedesktop.DBus.Properties"
#define MANAGER     "org.freedesktop.DBus.ObjectManager"
#define I_ADAPTER   "org.bluez.Adapter1"
#define I_DEVICE    "org.bluez.Device1"
#define I_SERVICE   "org.bluez.GattService1"
#define I_VALUE     "org.bluez.GattCharacteristic1"
#define I_GATT      "org.bluez.GattManager1"
#define I_ADVERTISE "org.bluez.LEAdvertisingManager1"
#define I_ADVERT    "org.bluez.LEAdvertisement1"

struct ble_bus {
	struct ble      *ble; /* host, options and glib only: the rest is the loop's */
	GDBusConnection *connection;
	GSource         *tick;
	char             adapter[BLE_PATH]; /* its object's path                */
	/* central */
	GHashTable      *joined;  /* paths of devices with open values          */
	GHashTable      *stale;   /* paths that BlueZ was told to forget         */
	bool             connecting;
	gint64           scan_us; /* discovery began; 0: it rests               */
	/* peripheral */
	guint            ids[5];
	bool             registered;
};

/* A method call, waited for.  NULL after saying why. */
GVariant *bus_call(struct ble_bus *bus, const char *path, const char *iface, const char *method,
                   GVariant *args, GUnixFDList **ret_fds);
/* Tells the loop what is in the way; "" when nothing is. */
void bus_trouble(struct ble_bus *bus, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

void central_tick(struct ble_bus *bus, GVariant *objects);
void central_gone(struct ble_bus *bus, const char *path);
void central_stop(struct ble_bus *bus);

/* Registers the application and its advertisement; again when bluetoothd was away. */
void peripheral_tick(struct ble_bus *bus);
void peripheral_notify(struct ble_bus *bus, GBytes *value);
void peripheral_stop(struct ble_bus *bus);

#endif
