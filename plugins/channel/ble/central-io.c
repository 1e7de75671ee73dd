/* Finds devices that offer the service, connects, opens their values. */
#include "bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	/* An advertiser may be told once a scan only: who missed it must scan again. */
	SCAN_US    = 3000000,
	CONNECT_MS = 15000,
};

struct joined {
	char     path[BLE_PATH];
	int      write_fd, notify_fd;
	uint32_t mtu;
};

static void
hear_joined(void *self, void *news)
{
	struct joined *joined = news;

	ble_joined(self, joined->path, joined->write_fd, joined->notify_fd, joined->mtu);
	joined->write_fd = joined->notify_fd = -1;
}

static void
drop_joined(void *news)
{
	struct joined *joined = news;

	if (joined->write_fd >= 0)
		close(joined->write_fd);
	if (joined->notify_fd >= 0)
		close(joined->notify_fd);
	free(joined);
}

/* ---- discovery ------------------------------------------------------------------------------ */

static void
scan(struct ble_bus *bus, bool on)
{
	if ((bus->scan_us != 0) == on)
		return;
	GVariant *answer = bus_call(bus, bus->adapter, I_ADAPTER,
	                            on ? "StartDiscovery" : "StopDiscovery", NULL, NULL);
	if (answer != NULL)
		g_variant_unref(answer);
	bus->scan_us = on && answer != NULL ? g_get_monotonic_time() : 0;
}

/* Only who advertises the service is told: so whoever is heard does. */
static void
filter(struct ble_bus *bus)
{
	const char *const uuids[] = { BLE_SERVICE, NULL };
	GVariantBuilder dict;

	g_variant_builder_init(&dict, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&dict, "{sv}", "UUIDs", g_variant_new_strv(uuids, 1));
	g_variant_builder_add(&dict, "{sv}", "Transport", g_variant_new_string("le"));
	GVariant *answer = bus_call(bus, bus->adapter, I_ADAPTER, "SetDiscoveryFilter",
	                            g_variant_new("(a{sv})", &dict), NULL);
	if (answer != NULL)
		g_variant_unref(answer);
}

static void
keep_scanning(struct ble_bus *bus)
{
	if (bus->scan_us != 0 && g_get_monotonic_time() - bus->scan_us < SCAN_US)
		return;
	scan(bus, false);
	filter(bus);
	scan(bus, true);
}

/* ---- one device ------------------------------------------------------------------------------- */

static bool
has_service(GVariant *device)
{
	const char *const *uuids = NULL;
	bool has = false;

	if (!g_variant_lookup(device, "UUIDs", "^a&s", &uuids))
		return false;
	for (size_t i = 0; uuids[i] != NULL; i++)
		has |= g_ascii_strcasecmp(uuids[i], BLE_SERVICE) == 0;
	g_free((void *)uuids);
	return has;
}

static bool
has_name(const struct ble_bus *bus, GVariant *device)
{
	const char *name = NULL;

	return bus->ble->name == NULL || (g_variant_lookup(device, "Name", "&s", &name) &&
	                                  strcmp(name, bus->ble->name) == 0);
}

static bool
is_true(GVariant *device, const char *property)
{
	gboolean value = FALSE;

	return g_variant_lookup(device, property, "b", &value) && value;
}

static bool
is_paired(struct ble_bus *bus, const char *path)
{
	gboolean paired = TRUE;
	GVariant *answer = bus_call(bus, path, PROPERTIES, "Get",
	                            g_variant_new("(ss)", I_DEVICE, "Paired"), NULL);

	if (answer != NULL) {
		GVariant *value;
		g_variant_get(answer, "(v)", &value);
		if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
			paired = g_variant_get_boolean(value);
		g_variant_unref(value);
		g_variant_unref(answer);
	}
	return paired;
}

/*
 * Takes the link down and has BlueZ forget the device, with the services it had: of one
 * that it has seen without ours it says so for ever, whatever is advertised later.  What
 * somebody has paired is only disconnected.
 */
static void
leave(struct ble_bus *bus, const char *path)
{
	GVariant *answer;

	g_hash_table_remove(bus->joined, path);
	if (bus->connection == NULL)
		return;
	if (is_paired(bus, path))
		answer = bus_call(bus, path, I_DEVICE, "Disconnect", NULL, NULL);
	else
		answer = bus_call(bus, bus->adapter, I_ADAPTER, "RemoveDevice",
		                  g_variant_new("(o)", path), NULL);
	if (answer != NULL)
		g_variant_unref(answer);
}

/* The path of the device's value with that UUID, or NULL. */
static const char *
find_value(GVariant *objects, const char *device, const char *uuid)
{
	const char *path, *found = NULL, *own;
	GVariantIter iter;
	GVariant *interfaces;

	g_variant_iter_init(&iter, objects);
	while (g_variant_iter_next(&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
		GVariant *value = g_variant_lookup_value(interfaces, I_VALUE, NULL);

		if (value != NULL && g_str_has_prefix(path, device) &&
		    g_variant_lookup(value, "UUID", "&s", &own) && g_ascii_strcasecmp(own, uuid) == 0)
			found = path;
		if (value != NULL)
			g_variant_unref(value);
		g_variant_unref(interfaces);
	}
	return found;
}

/* The descriptor a value is written to or read from; -1 after saying why. */
static int
acquire(struct ble_bus *bus, const char *path, const char *method, uint32_t *ret_mtu)
{
	GUnixFDList *fds = NULL;
	GVariantBuilder none;
	gint32 handle;
	guint16 mtu;
	int fd = -1;

	g_variant_builder_init(&none, G_VARIANT_TYPE("a{sv}"));
	GVariant *answer = bus_call(bus, path, I_VALUE, method, g_variant_new("(a{sv})", &none), &fds);
	if (answer == NULL)
		return -1;
	if (g_variant_is_of_type(answer, G_VARIANT_TYPE("(hq)")) && fds != NULL) {
		g_variant_get(answer, "(hq)", &handle, &mtu);
		fd = g_unix_fd_list_get(fds, handle, NULL);
		*ret_mtu = mtu;
	}
	g_clear_object(&fds);
	g_variant_unref(answer);
	return fd;
}

/* A request, so that BlueZ on the other side has all set up before the first fragment. */
static bool
greet(struct ble_bus *bus, const char *path, uint32_t mtu)
{
	uint8_t greeting[BLE_GREETING];
	GVariantBuilder options;

	ble_greeting(mtu, greeting);
	g_variant_builder_init(&options, G_VARIANT_TYPE("a{sv}"));
	g_variant_builder_add(&options, "{sv}", "type", g_variant_new_string("request"));
	GVariant *answer = bus_call(
		bus, path, I_VALUE, "WriteValue",
		g_variant_new("(@aya{sv})",
	                      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, greeting,
	                                                sizeof greeting, 1),
	                      &options),
		NULL);
	if (answer != NULL)
		g_variant_unref(answer);
	return answer != NULL;
}

static void
open_values(struct ble_bus *bus, GVariant *objects, const char *path)
{
	const char *write = find_value(objects, path, BLE_WRITE);
	const char *notify = find_value(objects, path, BLE_NOTIFY);
	struct joined *joined = calloc(1, sizeof *joined);

	if (write == NULL || notify == NULL || joined == NULL) {
		if (joined != NULL)
			bus_trouble(bus, CSN_LOG_INFO, "%.60s: its service lacks a value", path);
		free(joined);
		leave(bus, path);
		return;
	}
	snprintf(joined->path, sizeof joined->path, "%s", path);
	joined->write_fd = -1;
	joined->notify_fd = acquire(bus, notify, "AcquireNotify", &joined->mtu);
	if (joined->notify_fd >= 0 && greet(bus, write, joined->mtu))
		joined->write_fd = acquire(bus, write, "AcquireWrite", &joined->mtu);
	if (joined->write_fd < 0) {
		drop_joined(joined);
		leave(bus, path);
		return;
	}
	g_hash_table_add(bus->joined, g_strdup(path));
	csn_glib_tell(bus->ble->glib, hear_joined, bus->ble, joined, drop_joined);
}

static void
on_connected(GObject *source, GAsyncResult *result, void *arg)
{
	struct ble_bus *bus = arg;
	GError *error = NULL;
	GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

	bus->connecting = false;
	if (answer != NULL)
		g_variant_unref(answer);
	g_clear_error(&error); /* it is tried again while the device is heard */
}

/* Its services are there at one of the next looks, often before this call is answered. */
static void
connect_to(struct ble_bus *bus, const char *path)
{
	if (bus->connecting)
		return;
	scan(bus, false);
	bus->connecting = true;
	g_dbus_connection_call(bus->connection, BLUEZ, path, I_DEVICE, "Connect", NULL, NULL,
	                       G_DBUS_CALL_FLAGS_NONE, CONNECT_MS, NULL, on_connected, bus);
}

static void
join(struct ble_bus *bus, GVariant *objects, const char *path, GVariant *device)
{
	if (!is_true(device, "Connected")) {
		g_hash_table_remove(bus->joined, path);
		connect_to(bus, path);
		return;
	}
	if (is_true(device, "ServicesResolved") && !g_hash_table_contains(bus->joined, path))
		open_values(bus, objects, path);
}

/* One of the devices that BlueZ knows; it remembers what is away, heard is what has a strength. */
static void
look_at(struct ble_bus *bus, GVariant *objects, const char *path, GVariant *device)
{
	const bool connected = is_true(device, "Connected");
	const bool heard = g_variant_lookup(device, "RSSI", "n", &(gint16){ 0 });

	if (!has_name(bus, device))
		return;
	if (has_service(device) && (connected || heard || bus->scan_us == 0))
		join(bus, objects, path, device);
	else if (heard && !connected && bus->scan_us != 0 && !g_hash_table_contains(bus->stale, path)) {
		g_hash_table_add(bus->stale, g_strdup(path));
		leave(bus, path);
	}
}

void
central_tick(struct ble_bus *bus, GVariant *objects)
{
	char prefix[BLE_PATH + 1];
	const char *path;
	GVariantIter iter;
	GVariant *interfaces;

	snprintf(prefix, sizeof prefix, "%s/", bus->adapter);
	g_variant_iter_init(&iter, objects);
	while (g_variant_iter_next(&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
		GVariant *device = g_variant_lookup_value(interfaces, I_DEVICE, NULL);

		if (device != NULL && g_str_has_prefix(path, prefix) && strlen(path) < BLE_PATH)
			look_at(bus, objects, path, device);
		if (device != NULL)
			g_variant_unref(device);
		g_variant_unref(interfaces);
	}
	if (g_hash_table_size(bus->joined) < BLE_PEERS && !bus->connecting)
		keep_scanning(bus);
	else
		scan(bus, false);
}

void
central_gone(struct ble_bus *bus, const char *path)
{
	leave(bus, path);
}

void
central_stop(struct ble_bus *bus)
{
	scan(bus, false);
	GList *paths = g_hash_table_get_keys(bus->joined);
	while (paths != NULL) {
		char *path = g_strdup(paths->data);
		paths = g_list_delete_link(paths, paths);
		leave(bus, path);
		g_free(path);
	}
}
