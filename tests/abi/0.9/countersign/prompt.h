/* Prompts ask and tell a person; they never answer for them. */
#ifndef COUNTERSIGN_PROMPT_H
#define COUNTERSIGN_PROMPT_H

#include <countersign/types.h>

enum csn_question {
	CSN_ASK_CONFIRM = 1, /* op ends CSN_OK for yes, CSN_E_REFUSED for no   */
	CSN_ASK_COMPARE = 2, /* as CONFIRM: does the other side show code?     */
	CSN_ASK_PIN     = 3, /* op ends with the digits as a secret buf        */
	CSN_TELL        = 4, /* op ends when it has been said                  */
};

struct csn_prompt {
	uint32_t    size, question;
	uint32_t    min_len, max_len; /* CSN_ASK_PIN                           */
	const char *text;             /* one line                              */
	const char *code;             /* CSN_ASK_COMPARE, CSN_TELL; else NULL   */
};

struct csn_prompt_ops {
	uint32_t size;
	/* [loop] No person there: CSN_E_MISSING, at once. */
	int (*ask)(void *self, struct csn_op *op, const struct csn_prompt *prompt);
	void (*cancel)(void *self, struct csn_op *op); /* [loop]              */
};

#endif
