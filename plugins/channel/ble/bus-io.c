/* The thread: the system bus, the adapter, and every so often a look at both. */
#include "bus.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TICK_MS = 300,
	CALL_MS = 20000,
};

struct trouble {
	int  level;
	char text[160];
};

struct order { /* from the loop to the thread                                   */
	struct ble_bus *bus;
	char           *path;
	GBytes         *value;
};

/* ---- what is in the way ------------------------------------------------------------------- */

static void
hear_trouble(void *self, void *news)
{
	const struct trouble *trouble = news;

	ble_trouble(self, trouble->level, trouble->text);
}

void
bus_trouble(struct ble_bus *bus, int level, const char *fmt, ...)
{
	struct trouble *trouble = calloc(1, sizeof *trouble);
	va_list args;

	if (trouble == NULL)
		return;
	trouble->level = level;
	va_start(args, fmt);
	vsnprintf(trouble->text, sizeof trouble->text, fmt, args);
	va_end(args);
	csn_glib_tell(bus->ble->glib, hear_trouble, bus->ble, trouble, free);
}

/* BlueZ's errors have names and words; the words are for people. */
static void
explain(struct ble_bus *bus, const char *path, const char *method, GError *error)
{
	g_dbus_error_strip_remote_error(error);
	bus_trouble(bus, CSN_LOG_INFO, "%.60s: %.20s: %.70s", path, method, error->message);
	g_error_free(error);
}

GVariant *
bus_call(struct ble_bus *bus, const char *path, const char *iface, const char *method,
         GVariant *args, GUnixFDList **ret_fds)
{
	GError *error = NULL;
	GVariant *answer = g_dbus_connection_call_with_unix_fd_list_sync(
		bus->connection, BLUEZ, path, iface, method, args, NULL, G_DBUS_CALL_FLAGS_NONE,
		CALL_MS, NULL, ret_fds, NULL, &error);

	if (answer == NULL)
		explain(bus, path, method, error);
	return answer;
}

/* ---- the adapter ---------------------------------------------------------------------------- */

static bool
switch_on(struct ble_bus *bus, GVariant *adapter)
{
	gboolean powered = FALSE;

	g_variant_lookup(adapter, "Powered", "b", &powered);
	if (powered)
		return true;
	GVariant *answer = bus_call(bus, bus->adapter, PROPERTIES, "Set",
	                            g_variant_new("(ssv)", I_ADAPTER, "Powered",
	                                          g_variant_new_boolean(TRUE)),
	                            NULL);
	if (answer == NULL)
		return false;
	g_variant_unref(answer);
	return true;
}

/* The adapter's properties among all objects, switched on; false when it is not there. */
static bool
have_adapter(struct ble_bus *bus, GVariant *objects)
{
	GVariant *interfaces = g_variant_lookup_value(objects, bus->adapter, NULL);
	GVariant *adapter = interfaces != NULL ?
	                            g_variant_lookup_value(interfaces, I_ADAPTER, NULL) :
	                            NULL;
	bool good = adapter != NULL && switch_on(bus, adapter);

	if (adapter == NULL)
		bus_trouble(bus, CSN_LOG_INFO, "no Bluetooth adapter %.30s", bus->ble->adapter);
	else
		g_variant_unref(adapter);
	if (interfaces != NULL)
		g_variant_unref(interfaces);
	return good;
}

static bool
connect_bus(struct ble_bus *bus)
{
	if (bus->connection != NULL && !g_dbus_connection_is_closed(bus->connection))
		return true;
	g_clear_object(&bus->connection);
	/* Of our own: the shared one ends the program when the bus goes. */
	char *path = g_dbus_address_escape_value(bus->ble->socket);
	char *address = g_strconcat("unix:path=", path, NULL);
	bus->connection = g_dbus_connection_new_for_address_sync(
		address,
		G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
			G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
		NULL, NULL, NULL);
	g_free(address);
	g_free(path);
	bus->registered = false;
	if (bus->connection == NULL)
		bus_trouble(bus, CSN_LOG_WARN, "no system bus: systemctl start dbus");
	return bus->connection != NULL;
}

/* Everything BlueZ knows, or NULL: the first thing that fails when it is not running. */
static GVariant *
all_objects(struct ble_bus *bus)
{
	GVariant *objects = NULL, *answer = g_dbus_connection_call_sync(
		bus->connection, BLUEZ, "/", MANAGER, "GetManagedObjects", NULL,
		G_VARIANT_TYPE("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, CALL_MS, NULL, NULL);

	if (answer == NULL) {
		bus->registered = false;
		bus_trouble(bus, CSN_LOG_WARN,
		            "bluetoothd is not running: systemctl start bluetooth");
		return NULL;
	}
	objects = g_variant_get_child_value(answer, 0);
	g_variant_unref(answer);
	return objects;
}

static gboolean
tick(void *arg)
{
	struct ble_bus *bus = arg;
	GVariant *objects = connect_bus(bus) ? all_objects(bus) : NULL;

	if (objects == NULL)
		return G_SOURCE_CONTINUE;
	if (have_adapter(bus, objects)) {
		if (bus->ble->mode == BLE_PERIPHERAL)
			peripheral_tick(bus);
		else
			central_tick(bus, objects);
	}
	g_variant_unref(objects);
	return G_SOURCE_CONTINUE;
}

/* ---- from the loop ------------------------------------------------------------------------------ */

static void
start(void *arg)
{
	struct ble_bus *bus = arg;

	bus->tick = g_timeout_source_new(TICK_MS);
	g_source_set_callback(bus->tick, tick, bus, NULL);
	g_source_attach(bus->tick, csn_glib_context(bus->ble->glib));
	tick(bus);
}

static void
stop(void *arg)
{
	struct ble_bus *bus = arg;

	if (bus->tick != NULL)
		g_source_destroy(bus->tick);
	g_clear_pointer(&bus->tick, g_source_unref);
	if (bus->connection == NULL)
		return;
	if (bus->ble->mode == BLE_PERIPHERAL)
		peripheral_stop(bus);
	else
		central_stop(bus);
	g_dbus_connection_close_sync(bus->connection, NULL, NULL);
	g_clear_object(&bus->connection);
}

int
ble_bus_start(struct ble *ble, struct csn_error *err)
{
	struct ble_bus *bus = calloc(1, sizeof *bus);

	if (bus == NULL)
		return ble->host->fail(err, CSN_E_NOMEM, "no memory for D-Bus");
	bus->ble = ble;
	snprintf(bus->adapter, sizeof bus->adapter, "/org/bluez/%s", ble->adapter);
	bus->joined = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bus->stale = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	ble->bus = bus;
	csn_glib_call(ble->glib, start, bus);
	return CSN_OK;
}

void
ble_bus_stop(struct ble *ble)
{
	struct ble_bus *bus = ble->bus;

	csn_glib_call(ble->glib, stop, bus);
	csn_glib_free(ble->glib); /* waits for it */
	ble->glib = NULL;
	g_hash_table_unref(bus->joined);
	g_hash_table_unref(bus->stale);
	free(bus);
	ble->bus = NULL;
}

static void
order_gone(void *arg)
{
	struct order *order = arg;

	if (order->bus->ble->mode == BLE_CENTRAL)
		central_gone(order->bus, order->path);
	g_free(order->path);
	g_free(order);
}

void
ble_bus_gone(struct ble *ble, const char *path)
{
	struct order *order = g_new0(struct order, 1);

	order->bus = ble->bus;
	order->path = g_strdup(path);
	csn_glib_call(ble->glib, order_gone, order);
}

static void
order_notify(void *arg)
{
	struct order *order = arg;

	if (order->bus->connection != NULL)
		peripheral_notify(order->bus, order->value);
	g_bytes_unref(order->value);
	g_free(order);
}

void
ble_bus_notify(struct ble *ble, struct csn_bytes value)
{
	struct order *order = g_new0(struct order, 1);

	order->bus = ble->bus;
	order->value = g_bytes_new(value.ptr, value.len);
	csn_glib_call(ble->glib, order_notify, order);
}
