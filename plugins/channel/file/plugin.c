#include "file.h"

#include <stdlib.h>

static const struct csn_option options[] = {
	CSN_OPTION_PATH(struct file, folder, NULL, CSN_OPT_REQUIRED,
	                "folder that holds the messages"),
	CSN_OPTION_STRING(struct file, medium, "file", 1, 32,
	                  "name of the medium this stands for"),
	CSN_OPTION_U32(struct file, limit, 40960, 1, 65536, "largest message, in bytes"),
	CSN_OPTION_U32(struct file, poll_ms, 500, 10, 60000,
	               "time between looks where the folder tells nothing"),
	CSN_OPTION_END
};

static int create(const struct csn_host *host, const struct csn_config *config,
                  void **ret_self, struct csn_error *err);
static void destroy(void *self);

static const struct csn_component component = {
	.size        = sizeof component,
	.kind        = CSN_KIND_CHANNEL,
	.name        = "file",
	.summary     = "carries each message as a file of a folder",
	.options     = options,
	.create      = create,
	.destroy     = destroy,
	.ops.channel = &file_ops,
};

static int
create(const struct csn_host *host, const struct csn_config *config, void **ret_self,
       struct csn_error *err)
{
	struct file *file = calloc(1, sizeof *file);
	if (file == NULL)
		return host->fail(err, CSN_E_NOMEM, "no memory for a file channel");

	file->host      = host;
	file->folder_fd = -1;
	file->notify_fd = -1;
	int r = host->bind(config, &component, file, err);
	if (r < 0)
		goto fail;
	r = file_open(file, err);
	if (r < 0)
		goto fail;
	*ret_self = file;
	return CSN_OK;

fail:
	destroy(file);
	return r;
}

static void
destroy(void *self)
{
	if (self == NULL)
		return;
	file_close(self);
	free(self);
}

CSN_PLUGIN(channel_file, .abi_minor = 9, .version = "0.1.0", .license = "Apache-2.0",
           .components = CSN_LIST(&component));
