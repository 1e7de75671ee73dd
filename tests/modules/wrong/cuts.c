/* Cuts line ends off. */
#define KEEP(message) ((message).ptr[(message).len - 1] == '\n' ? (message).len - 1 : (message).len)
#include "channel.h"
