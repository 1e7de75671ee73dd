#define _GNU_SOURCE 1 /* CRTSCTS, rates over 38400 */

#include "serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	uint32_t baud;
	speed_t  speed;
} rates[] = {
	{ 9600, B9600 },       { 19200, B19200 },     { 38400, B38400 },
	{ 57600, B57600 },     { 115200, B115200 },   { 230400, B230400 },
	{ 460800, B460800 },   { 500000, B500000 },   { 576000, B576000 },
	{ 921600, B921600 },   { 1000000, B1000000 }, { 1152000, B1152000 },
	{ 1500000, B1500000 }, { 2000000, B2000000 }, { 2500000, B2500000 },
	{ 3000000, B3000000 },
};

static bool
find_speed(uint32_t baud, speed_t *ret_speed)
{
	for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
		if (rates[i].baud == baud) {
			*ret_speed = rates[i].speed;
			return true;
		}
	return false;
}

bool
serial_rate_known(uint32_t baud)
{
	speed_t speed;

	return find_speed(baud, &speed);
}

static int
set_raw(int fd, uint32_t baud, bool hardware_flow)
{
	struct termios tio;
	speed_t speed;

	if (!find_speed(baud, &speed)) {
		errno = EINVAL;
		return -1;
	}
	if (tcgetattr(fd, &tio) < 0)
		return -1;
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL | CREAD;
	tio.c_cflag &= ~(tcflag_t)(CSTOPB | CRTSCTS);
	if (hardware_flow)
		tio.c_cflag |= CRTSCTS;
	tio.c_cc[VMIN]  = 0;
	tio.c_cc[VTIME] = 0;
	if (cfsetispeed(&tio, speed) < 0 || cfsetospeed(&tio, speed) < 0 ||
	    tcsetattr(fd, TCSANOW, &tio) < 0)
		return -1;
	return tcflush(fd, TCIOFLUSH);
}

int
serial_open(const char *device, uint32_t baud, bool hardware_flow)
{
	const int fd = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (set_raw(fd, baud, hardware_flow) < 0) {
		const int why = errno;

		close(fd);
		errno = why == ENOTTY ? ENODEV : why;
		return -1;
	}
	/* Two programs on one line only spoil each other's frames.  Not for root: see README. */
	(void)ioctl(fd, TIOCEXCL);
	return fd;
}
