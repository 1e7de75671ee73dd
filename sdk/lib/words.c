#include "lib/words.h"

int
csn_words_read(const struct csn_host *host, const char *option, const char *text,
               const struct csn_word *words, uint32_t *ret_bits, struct csn_error *err)
{
	uint32_t bits = 0;

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ", "), i = 0;
		while (words[i].name != NULL && (strlen(words[i].name) != len ||
		                                 memcmp(words[i].name, text, len) != 0))
			i++;
		if (words[i].name == NULL)
			return host->fail(err, CSN_E_CONFIG, "%s: \"%.*s\" is not known", option,
			                  (int)(len < 40 ? len : 40), text);
		bits |= words[i].bits;
		text += len;
		text += strspn(text, ", ");
	}
	*ret_bits = bits;
	return CSN_OK;
}
