/* Says what is wrong with a picture, in words, and draws it over the picture. */
#ifndef CHANNEL_QR_DIAG_H
#define CHANNEL_QR_DIAG_H

#include "qr-read.h"

/* A short name such as "blur", for logs and tables. */
const char *qr_cause_name(enum qr_cause cause);

/* What the person who holds the camera can do about it, one sentence. */
const char *qr_cause_advice(enum qr_cause cause);

/* Fills in report->cause from the report's own figures. */
void qr_diagnose(struct qr_report *report);

/*
 * Draws the code's outline and a bar for each figure into a GRAY8 picture, in place.
 * A picture smaller than 64 x 64 pixels is left as it is.
 */
void qr_overlay(const struct qr_report *report, uint8_t *grey, uint32_t width,
                uint32_t height, size_t stride);

/*
 * Corners of what was found, in pixels, four for each: the code, its finder patterns, its
 * alignment patterns; as many as have room.
 */
size_t qr_marks(const struct qr_report *report, float (*xy)[2], size_t room);

#endif
