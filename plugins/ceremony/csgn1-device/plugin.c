#include "csgn1-device.h"

static const struct csn_option options[] = {
	CSN_OPTION_STRING(struct csgn1_device, refuse_roles, NULL, 1, 4096,
	                  "access roles this device never takes, separated by commas"),
	CSN_OPTION_CHOICE(struct csgn1_device, evidence, "x509", "none|x509|psk|both",
	                  "what to send a two-way station as evidence"),
	CSN_OPTION_BOOL(struct csgn1_device, psk_derive, 0,
	                "psk evidence by a key of each session: psk-kdf"),
	CSN_OPTION_BOOL(struct csgn1_device, send_receipt, 0,
	                "one way: give the receipt to the return channel when there is one"),
	CSN_OPTION_U32(struct csgn1_device, answer_ms, 30000, 100, 600000,
	               "how long an end waits for its answer to be carried"),
	CSN_OPTION_BOOL(struct csgn1_device, show_code, 0,
	                "show the head of the device's id, for a station's operator to compare"),
	CSN_OPTION_END
};

const struct csn_component csgn1_device_component = {
	.size         = sizeof csgn1_device_component,
	.kind         = CSN_KIND_CEREMONY,
	.name         = "csgn1-device",
	.summary      = "takes an offer of CSGN/1 as a device",
	.options      = options,
	.create       = csgn1_device_create,
	.destroy      = csgn1_device_destroy,
	.ops.ceremony = &csgn1_device_ops,
};

CSN_PLUGIN(ceremony_csgn1_device, .abi_minor = 9, .version = "0.1.0",
           .license = "Apache-2.0", .origin = "countersign",
           .components = CSN_LIST(&csgn1_device_component));
