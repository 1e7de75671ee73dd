#define ZX_USE_UTF8 1
#include "zxing.h"

#include <ZXing/ReadBarcode.h>

#include <cstring>
#include <exception>

static qr_point
point(const ZXing::PointI &from)
{
	return { static_cast<float>(from.x) + 0.5f, static_cast<float>(from.y) + 0.5f };
}

extern "C" int
qr_zxing_read(const qr_picture *picture, bool harder, qr_found *found, size_t max,
              uint8_t *bytes, size_t size)
try {
	const ZXing::ImageView view(picture->grey, static_cast<int>(picture->width),
	                            static_cast<int>(picture->height),
	                            ZXing::ImageFormat::Lum,
	                            static_cast<int>(picture->stride));
	ZXing::DecodeHints hints;
	hints.setFormats(ZXing::BarcodeFormat::QRCode)
		.setTryHarder(harder)
		.setTryRotate(harder)
		.setTryDownscale(harder)
		.setMaxNumberOfSymbols(static_cast<uint8_t>(max));

	size_t count = 0, used = 0;
	for (const auto &result : ZXing::ReadBarcodes(view, hints)) {
		const auto &payload = result.bytes();
		const auto &position = result.position();

		if (count == max || !result.isValid() || payload.size() > size - used)
			continue;
		std::memcpy(bytes + used, payload.data(), payload.size());
		for (size_t i = 0; i < 4; i++)
			found[count].corner[i] = point(position[i]);
		found[count].offset = used;
		found[count].len = payload.size();
		used += payload.size();
		count++;
	}
	return static_cast<int>(count);
} catch (const std::exception &) {
	return QR_E_NOMEM;
}
