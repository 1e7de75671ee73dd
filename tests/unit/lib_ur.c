/*
 * UR against the published vectors: BCR-2020-005 / -012 as the test program of
 * BlockchainCommons/bc-ur has them (test/test.cpp, commit 603c21c, BSD-2-Clause Plus
 * Patent); then what must be refused.  "Wolf" and the messages made from it are theirs.
 */
#include "kit/tap.h"
#include "lib/ur.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct csn_bytes
text(const char *s)
{
	return (struct csn_bytes){ (const uint8_t *)s, strlen(s) };
}

static void
make_message(size_t len, uint8_t *ret)
{
	struct csn_ur_draw draw;

	csn_ur_draw_seed(&draw, text("Wolf"));
	for (size_t i = 0; i < len; i++)
		ret[i] = (uint8_t)csn_ur_draw_int(&draw, 0, 255);
}

/* As UR type bytes has it: a CBOR byte string. */
static size_t
make_wrapped(size_t len, uint8_t *ret)
{
	size_t n = 0;

	ret[n++] = len < 24 ? (uint8_t)(0x40 + len) : len < 256 ? 0x58 : 0x59;
	if (len >= 256)
		ret[n++] = (uint8_t)(len >> 8);
	if (len >= 24)
		ret[n++] = (uint8_t)len;
	make_message(len, ret + n);
	return n + len;
}

static void
words(void)
{
	static const uint8_t short_one[] = { 0, 1, 2, 128, 255 };
	static const uint8_t long_one[] = {
		245, 215, 20, 198, 241, 235, 69, 59, 209, 205, 165, 18, 150, 158, 116, 135, 229, 212, 19,
		159, 17, 37, 239, 240, 253, 11, 109, 191, 37, 242, 38, 120, 223, 41, 156, 189, 242, 254,
		147, 204, 66, 163, 216, 175, 191, 72, 169, 54, 32, 60, 144, 230, 210, 137, 184, 197, 33,
		113, 88, 14, 157, 31, 177, 46, 1, 115, 205, 69, 225, 150, 65, 235, 58, 144, 65, 240, 133,
		69, 113, 247, 63, 53, 242, 165, 160, 144, 26, 13, 79, 237, 133, 71, 82, 69, 254, 165,
		138, 41, 85, 24,
	};
	static const struct {
		const char *what;
		struct csn_bytes bytes;
		const char *words;
	} cases[] = {
		{ "five bytes as words", { short_one, sizeof short_one }, "aeadaolazmjendeoti" },
		{ "a hundred bytes as words", { long_one, sizeof long_one },
		  "yktsbbswwnwmfefrttsnonbgmtnnjyltvwtybwnebydawswtzcbdjnrsdawzdsksurdtnsrywzzemusf"
		  "fwottppersfdptencxfnmhvatdldroskcljshdbantctpadmadjksnfevymtfpwmftmhfpwtlpfejsyl"
		  "fhecwzonnbmhcybtgwwelpflgmfezeonledtgocsfzhycypf" },
	};
	static const char *const bad[][2] = {
		{ "aeadaolazojendeowf", "a wrong checksum" },  { "wf", "a checksum alone" },
		{ "", "nothing" },                             { "aeadaolazmjendeot", "half a word" },
		{ "aeadaolazmjende0ti", "a digit in a word" }, { "aeadaolazmjendexxti", "no such word" },
	};
	uint8_t back[256];
	char out[256];
	size_t len;

	tap_ok(csn_ur_crc32(text("Hello, world!")) == 0xebe6c6e6 &&
	               csn_ur_crc32(text("Wolf")) == 0x598c84dc, "CRC-32 of two texts");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = strlen(cases[i].words);

		csn_bytewords_put(cases[i].bytes, out);
		tap_ok(memcmp(out, cases[i].words, n) == 0 && n == 2 * (cases[i].bytes.len + 4), "%s",
		       cases[i].what);
		tap_ok(csn_bytewords_take(cases[i].words, n, back, &len) == CSN_OK &&
		               len == cases[i].bytes.len && memcmp(back, cases[i].bytes.ptr, len) == 0,
		       "%s, and back", cases[i].what);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		tap_ok(csn_bytewords_take(bad[i][0], strlen(bad[i][0]), back, &len) == CSN_E_PROTOCOL,
		       "%s is refused", bad[i][1]);
}

static void
draws(void)
{
	static const uint8_t plain[] = {
		42, 81, 85, 8, 82, 84, 76, 73, 70, 88, 2, 74, 40, 48, 77, 54, 88, 7, 5, 88, 37, 25, 82, 13,
		69, 59, 30, 39, 11, 82, 19, 99, 45, 87, 30, 15, 32, 22, 89, 44, 92, 77, 29, 78, 4, 92, 44,
		68, 92, 69, 1, 42, 89, 50, 37, 84, 63, 34, 32, 3, 17, 62, 40, 98, 82, 89, 24, 43, 85, 39,
		15, 3, 99, 29, 20, 42, 27, 10, 85, 66, 50, 35, 69, 70, 70, 74, 30, 13, 72, 54, 11, 5, 70,
		55, 91, 52, 10, 43, 43, 52,
	};
	static const uint8_t by_sum[] = {
		88, 44, 94, 74, 0, 99, 7, 77, 68, 35, 47, 78, 19, 21, 50, 15, 42, 36, 91, 11, 85, 39, 64,
		22, 57, 11, 25, 12, 1, 91, 17, 75, 29, 47, 88, 11, 68, 58, 27, 65, 21, 54, 47, 54, 73, 83,
		23, 58, 75, 27, 26, 15, 60, 36, 30, 21, 55, 57, 77, 76, 75, 47, 53, 76, 9, 91, 14, 69, 3,
		95, 11, 73, 20, 99, 68, 61, 3, 98, 36, 98, 56, 65, 14, 80, 74, 57, 63, 68, 51, 56, 24, 39,
		53, 80, 57, 51, 81, 3, 1, 30,
	};
	static const uint8_t to_ten[] = {
		6, 5, 8, 4, 10, 5, 7, 10, 4, 9, 10, 9, 7, 7, 1, 1, 2, 9, 9, 2, 6, 4, 5, 7, 8, 5, 4, 2, 3, 8,
		7, 4, 5, 1, 10, 9, 3, 10, 2, 6, 8, 5, 7, 9, 3, 1, 5, 2, 7, 1, 4, 4, 4, 4, 9, 4, 5, 5, 6, 9,
		5, 1, 2, 8, 3, 3, 2, 8, 4, 3, 2, 1, 10, 8, 9, 3, 10, 8, 5, 5, 6, 7, 10, 5, 8, 9, 4, 6, 4, 2,
		10, 2, 1, 7, 9, 6, 7, 4, 2, 5,
	};
	static const uint8_t crc[4] = { 0x59, 0x8c, 0x84, 0xdc };
	static const uint8_t orders[10][10] = {
		{ 6, 4, 9, 3, 10, 5, 7, 8, 1, 2 }, { 10, 8, 6, 5, 1, 2, 3, 9, 7, 4 },
		{ 6, 4, 5, 8, 9, 3, 2, 1, 7, 10 }, { 7, 3, 5, 1, 10, 9, 4, 8, 2, 6 },
		{ 8, 5, 7, 10, 2, 1, 4, 3, 9, 6 }, { 4, 3, 5, 6, 10, 2, 7, 8, 9, 1 },
		{ 5, 1, 3, 9, 4, 6, 2, 10, 7, 8 }, { 2, 1, 10, 8, 9, 4, 7, 6, 3, 5 },
		{ 6, 7, 10, 4, 8, 9, 2, 3, 1, 5 }, { 10, 2, 1, 7, 9, 5, 6, 3, 4, 8 },
	};
	struct csn_ur_draw a, b, c, d;
	int wrong[4] = { 0 };

	csn_ur_draw_seed(&a, text("Wolf"));
	csn_ur_draw_seed(&b, (struct csn_bytes){ crc, 4 });
	csn_ur_draw_seed(&c, text("Wolf"));
	csn_ur_draw_seed(&d, text("Wolf"));
	for (unsigned i = 0; i < 100; i++) {
		wrong[0] += csn_ur_draw_next(&a) % 100 != plain[i];
		wrong[1] += csn_ur_draw_next(&b) % 100 != by_sum[i];
		wrong[2] += csn_ur_draw_int(&c, 1, 10) != to_ten[i];
	}
	for (unsigned i = 0; i < 10; i++) {
		uint16_t order[10];

		csn_ur_shuffle(&d, 10, 10, order);
		for (unsigned k = 0; k < 10; k++)
			wrong[3] += order[k] + 1 != orders[i][k];
	}
	tap_ok(wrong[0] == 0, "a hundred draws seeded by a text");
	tap_ok(wrong[1] == 0, "a hundred draws seeded by a checksum");
	tap_ok(wrong[2] == 0, "a hundred draws from 1 to 10");
	tap_ok(wrong[3] == 0, "ten shuffles of ten");
}

static void
weights(void)
{
	static const char by_weight[] =
		"33333330233331221332331121131312021033313333132322333323303333123322212212313032"
		"33333333231332022311232333323333323121131322333133333333232331233132333231303211"
		"31323333203313021331131233302320133322233333233332332023333211121333223312303233"
		"33022322333313233333223130213333333313333222311322032121033322321200332332333332"
		"22333331132231101323323323322223222221233222233202133330333322313332333233332321"
		"33332201232033333313323223333322332221333312323323233323123211332332330013323333"
		"13303233133333330332";
	static const uint8_t degrees[] = {
		11, 3, 6, 5, 2, 1, 2, 11, 1, 3, 9, 10, 10, 4, 2, 1, 1, 2, 1, 1, 5, 2, 4, 10, 3, 2, 1, 1, 3,
		11, 2, 6, 2, 9, 9, 2, 6, 7, 2, 5, 2, 4, 3, 1, 6, 11, 2, 11, 3, 1, 6, 3, 1, 4, 5, 3, 6, 1, 1,
		3, 1, 2, 2, 1, 4, 5, 1, 1, 9, 1, 1, 6, 4, 1, 5, 1, 2, 2, 3, 1, 1, 5, 2, 6, 1, 7, 11, 1, 8, 1,
		5, 1, 1, 2, 2, 6, 4, 10, 1, 2, 5, 5, 5, 1, 1, 4, 1, 1, 1, 3, 5, 5, 5, 1, 4, 3, 3, 5, 1, 11, 3,
		2, 8, 1, 2, 1, 1, 4, 5, 2, 1, 1, 1, 5, 6, 11, 10, 7, 4, 7, 1, 5, 3, 1, 1, 9, 1, 2, 5, 5, 2, 2,
		3, 10, 1, 3, 2, 3, 3, 1, 1, 2, 1, 3, 2, 2, 1, 3, 8, 4, 1, 11, 6, 3, 1, 1, 1, 1, 1, 3, 1, 2, 1,
		10, 1, 1, 8, 2, 7, 1, 2, 1, 9, 2, 10, 2, 1, 3, 4, 10,
	};
	static struct csn_ur_weights w;
	const double four[] = { 1, 2, 4, 8 };
	double eleven[11];
	struct csn_ur_draw draw;
	unsigned n = 0, wrong = 0;

	csn_ur_weights_make(&w, four, 4);
	csn_ur_draw_seed(&draw, text("Wolf"));
	for (; n < strlen(by_weight); n++)
		if (csn_ur_weights_draw(&w, &draw) != (uint32_t)(by_weight[n] - '0'))
			break;
	tap_ok(n == 500, "%u of 500 weighted draws", n);
	for (unsigned i = 0; i < 11; i++)
		eleven[i] = 1.0 / (i + 1);
	csn_ur_weights_make(&w, eleven, 11);
	for (unsigned i = 0; i < sizeof degrees; i++) {
		char seed[16];

		snprintf(seed, sizeof seed, "Wolf-%u", i + 1);
		csn_ur_draw_seed(&draw, text(seed));
		wrong += csn_ur_weights_draw(&w, &draw) + 1 != degrees[i];
	}
	tap_ok(wrong == 0 && sizeof degrees == 200, "two hundred degrees");
	tap_ok(csn_ur_piece_len(12345, 1005, 1955) == 1764 &&
	               csn_ur_piece_len(12345, 1005, 30000) == 12345, "lengths of pieces");
}

static const char *const parts[] = {
	"ur:bytes/1-9/lpadascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtdkgslpgh",
	"ur:bytes/2-9/lpaoascfadaxcywenbpljkhdcagwdpfnsboxgwlbaawzuefywkdplrsrjynbvygabwjldapfcsgmghhkhstlrdcxaefz",
	"ur:bytes/3-9/lpaxascfadaxcywenbpljkhdcahelbknlkuejnbadmssfhfrdpsbiegecpasvssovlgeykssjykklronvsjksopdzmol",
	"ur:bytes/4-9/lpaaascfadaxcywenbpljkhdcasotkhemthydawydtaxneurlkosgwcekonertkbrlwmplssjtammdplolsbrdzcrtas",
	"ur:bytes/5-9/lpahascfadaxcywenbpljkhdcatbbdfmssrkzmcwnezelennjpfzbgmuktrhtejscktelgfpdlrkfyfwdajldejokbwf",
	"ur:bytes/6-9/lpamascfadaxcywenbpljkhdcackjlhkhybssklbwefectpfnbbectrljectpavyrolkzczcpkmwidmwoxkilghdsowp",
	"ur:bytes/7-9/lpatascfadaxcywenbpljkhdcavszmwnjkwtclrtvaynhpahrtoxmwvwatmedibkaegdosftvandiodagdhthtrlnnhy",
	"ur:bytes/8-9/lpayascfadaxcywenbpljkhdcadmsponkkbbhgsoltjntegepmttmoonftnbuoiyrehfrtsabzsttorodklubbuyaetk",
	"ur:bytes/9-9/lpasascfadaxcywenbpljkhdcajskecpmdckihdyhphfotjojtfmlnwmadspaxrkytbztpbauotbgtgtaeaevtgavtny",
	"ur:bytes/10-9/lpbkascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtwdkiplzs",
	"ur:bytes/11-9/lpbdascfadaxcywenbpljkhdcahelbknlkuejnbadmssfhfrdpsbiegecpasvssovlgeykssjykklronvsjkvetiiapk",
	"ur:bytes/12-9/lpbnascfadaxcywenbpljkhdcarllaluzmdmgstospeyiefmwejlwtpedamktksrvlcygmzemovovllarodtmtbnptrs",
	"ur:bytes/13-9/lpbtascfadaxcywenbpljkhdcamtkgtpknghchchyketwsvwgwfdhpgmgtylctotzopdrpayoschcmhplffziachrfgd",
	"ur:bytes/14-9/lpbaascfadaxcywenbpljkhdcapazewnvonnvdnsbyleynwtnsjkjndeoldydkbkdslgjkbbkortbelomueekgvstegt",
	"ur:bytes/15-9/lpbsascfadaxcywenbpljkhdcaynmhpddpzmversbdqdfyrehnqzlugmjzmnmtwmrouohtstgsbsahpawkditkckynwt",
	"ur:bytes/16-9/lpbeascfadaxcywenbpljkhdcawygekobamwtlihsnpalnsghenskkiynthdzotsimtojetprsttmukirlrsbtamjtpd",
	"ur:bytes/17-9/lpbyascfadaxcywenbpljkhdcamklgftaxykpewyrtqzhydntpnytyisincxmhtbceaykolduortotiaiaiafhiaoyce",
	"ur:bytes/18-9/lpbgascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtntwkbkwy",
	"ur:bytes/19-9/lpbwascfadaxcywenbpljkhdcadekicpaajootjzpsdrbalpeywllbdsnbinaerkurspbncxgslgftvtsrjtksplcpeo",
	"ur:bytes/20-9/lpbbascfadaxcywenbpljkhdcayapmrleeleaxpasfrtrdkncffwjyjzgyetdmlewtkpktgllepfrltataztksmhkbot",
};

/* The same parts of the bare message, as CBOR. */
static const char *const cbor[] = {
	"8501091901001a0167aa07581d916ec65cf77cadf55cd7f9cda1a1030026ddd42e905b77adc36e4f2d3c",
	"8502091901001a0167aa07581dcba44f7f04f2de44f42d84c374a0e149136f25b01852545961d55f7f7a",
	"8503091901001a0167aa07581d8cde6d0e2ec43f3b2dcb644a2209e8c9e34af5c4747984a5e873c9cf5f",
	"8504091901001a0167aa07581d965e25ee29039fdf8ca74f1c769fc07eb7ebaec46e0695aea6cbd60b3e",
	"8505091901001a0167aa07581dc4bbff1b9ffe8a9e7240129377b9d3711ed38d412fbb4442256f1e6f59",
	"8506091901001a0167aa07581d5e0fc57fed451fb0a0101fb76b1fb1e1b88cfdfdaa946294a47de8fff1",
	"8507091901001a0167aa07581d73f021c0e6f65b05c0a494e50791270a0050a73ae69b6725505a2ec8a5",
	"8508091901001a0167aa07581d791457c9876dd34aadd192a53aa0dc66b556c0c215c7ceb8248b717c22",
	"8509091901001a0167aa07581d951e65305b56a3706e3e86eb01c803bbf915d80edcd64d4d0000000000",
	"850a091901001a0167aa07581d330f0f33a05eead4f331df229871bee733b50de71afd2e5a79f196de09",
	"850b091901001a0167aa07581d3b205ce5e52d8c24a52cffa34c564fa1af3fdffcd349dc4258ee4ee828",
	"850c091901001a0167aa07581ddd7bf725ea6c16d531b5f03254783803048ca08b87148daacd1cd7a006",
	"850d091901001a0167aa07581d760be7ad1c6187902bbc04f539b9ee5eb8ea6833222edea36031306c01",
	"850e091901001a0167aa07581d5bf4031217d2c3254b088fa7553778b5003632f46e21db129416f65b55",
	"850f091901001a0167aa07581d73f021c0e6f65b05c0a494e50791270a0050a73ae69b6725505a2ec8a5",
	"8510091901001a0167aa07581db8546ebfe2048541348910267331c643133f828afec9337c318f71b7df",
	"8511091901001a0167aa07581d23dedeea74e3a0fb052befabefa13e2f80e4315c9dceed4c8630612e64",
	"8512091901001a0167aa07581dd01a8daee769ce34b6b35d3ca0005302724abddae405bdb419c0a6b208",
	"8513091901001a0167aa07581d3171c5dc365766eff25ae47c6f10e7de48cfb8474e050e5fe997a6dc24",
	"8514091901001a0167aa07581de055c2433562184fa71b4be94f262e200f01c6f74c284b0dc6fae6673f",
};

static void
sending(void)
{
	uint8_t message[300], bytes[100];
	char out[512], hex[200];
	struct csn_ur_sender *sender;
	unsigned wrong = 0, wrong_cbor = 0;
	size_t len = make_wrapped(50, message), n;

	csn_ur_sender_new("bytes", (struct csn_bytes){ message, len }, 1000, &sender);
	csn_ur_sender_part(sender, 1, out);
	tap_ok(strcmp(out, "ur:bytes/hdeymejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtgwdpfnsboxgwlbaawz"
	                   "uefywkdplrsrjynbvygabwjldapfcsdwkbrkch") == 0, "a message in one part");
	csn_ur_sender_free(sender);

	len = make_wrapped(256, message);
	csn_ur_sender_pieces("bytes", (struct csn_bytes){ message, len }, 30, &sender);
	for (uint32_t i = 0; i < 20; i++) {
		csn_ur_sender_part(sender, i + 1, out);
		wrong += strcmp(out, parts[i]) != 0;
	}
	csn_ur_sender_free(sender);
	tap_ok(wrong == 0, "twenty parts as text");

	make_message(256, message);
	csn_ur_sender_pieces("bytes", (struct csn_bytes){ message, 256 }, 30, &sender);
	for (uint32_t i = 0; i < 20; i++) {
		csn_ur_sender_part(sender, i + 1, out);
		const char *tail = strrchr(out, '/') + 1;
		csn_bytewords_take(tail, strlen(tail), bytes, &n);
		for (size_t k = 0; k < n; k++)
			snprintf(hex + 2 * k, 3, "%02x", bytes[k]);
		wrong_cbor += strcmp(hex, cbor[i]) != 0;
	}
	csn_ur_sender_free(sender);
	tap_ok(wrong_cbor == 0, "twenty parts as CBOR, with the pieces they are sums of");
}

static bool
receive_from(uint32_t first, size_t len, size_t piece, uint32_t *ret_taken)
{
	uint8_t *message = malloc(len + 3);
	char out[8192];
	struct csn_ur_receiver *receiver = csn_ur_receiver_new(CSN_UR_MESSAGE_MAX);
	struct csn_ur_sender *sender;
	struct csn_bytes got = { NULL, 0 };
	enum csn_ur_was was;
	const char *type;
	size_t wrapped = make_wrapped(len, message);

	*ret_taken = 0;
	csn_ur_sender_pieces("bytes", (struct csn_bytes){ message, wrapped }, piece, &sender);
	for (uint32_t n = first; got.len == 0 && *ret_taken < 10000; n++, ++*ret_taken) {
		size_t chars = csn_ur_sender_part(sender, n, out);

		csn_ur_receiver_take(receiver, (struct csn_bytes){ (uint8_t *)out, chars }, &was);
		got = csn_ur_receiver_message(receiver, &type);
	}
	bool same = got.len == wrapped && memcmp(got.ptr, message, wrapped) == 0 && strcmp(type, "bytes") == 0;
	csn_ur_receiver_free(receiver);
	csn_ur_sender_free(sender);
	free(message);
	return same;
}

static void
receiving(void)
{
	uint32_t taken;

	tap_ok(receive_from(1, 32767, 1000, &taken) && taken == 33, "32767 bytes from the first part on");
	tap_ok(receive_from(100, 32767, 1000, &taken), "and from the hundredth on: %u parts", taken);
	tap_ok(receive_from(1, 5, 30, &taken) && taken == 1, "five bytes in one part");
}

static void
refusals(void)
{
	static const struct {
		const char *what;
		const char *text;
		enum csn_ur_was was;
	} cases[] = {
		{ "another scheme", "http://bytes/aeadaolazmjendeoti", CSN_UR_SYNTAX },
		{ "no type", "ur:aeadaolazmjendeoti", CSN_UR_SYNTAX },
		{ "a type with a letter that is none", "ur:by_tes/aeadaolazmjendeoti", CSN_UR_SYNTAX },
		{ "a wrong checksum", "ur:bytes/aeadaolazmjendeota", CSN_UR_SYNTAX },
		{ "part 0", "ur:bytes/0-9/lpadascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtdkgslpgh", CSN_UR_SYNTAX },
		{ "a number that is not the one within", "ur:bytes/2-9/lpadascfadaxcywenbpljkhdcahkadaemejtswhhylkepmykhhtsytsnoyoyaxaedsuttydmmhhpktpmsrjtdkgslpgh", CSN_UR_SYNTAX },
		{ "a number of eleven digits", "ur:bytes/11111111111-9/aeadaolazmjendeoti", CSN_UR_SYNTAX },
		{ "a part of the first message", "UR:BYTES/2-9/LPAOASCFADAXCYWENBPLJKHDCAGWDPFNSBOXGWLBAAWZUEFYWKDPLRSRJYNBVYGABWJLDAPFCSGMGHHKHSTLRDCXAEFZ", CSN_UR_NEW },
		{ "the same again", "ur:bytes/2-9/lpaoascfadaxcywenbpljkhdcagwdpfnsboxgwlbaawzuefywkdplrsrjynbvygabwjldapfcsgmghhkhstlrdcxaefz", CSN_UR_KNOWN },
		{ "a message of one part meanwhile", "ur:bytes/aeadaolazmjendeoti", CSN_UR_BOUND },
	};
	struct csn_ur_receiver *receiver = csn_ur_receiver_new(300), *small = csn_ur_receiver_new(200);
	enum csn_ur_was was;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		csn_ur_receiver_take(receiver, text(cases[i].text), &was);
		tap_ok(was == cases[i].was, "%s", cases[i].what);
	}
	csn_ur_receiver_take(small, text(parts[0]), &was);
	tap_ok(was == CSN_UR_BOUND, "a message over the bound gets no memory");
	csn_ur_receiver_free(receiver);
	csn_ur_receiver_free(small);
}

/* A part of which two bytes and the checksum over them were changed: CRC-32 is no secret. */
static void
poison(void)
{
	struct csn_ur_receiver *receiver = csn_ur_receiver_new(300);
	uint8_t bytes[100];
	char out[256];
	enum csn_ur_was was = CSN_UR_NEW;
	const char *tail = strrchr(parts[0], '/') + 1, *type;
	size_t len;

	csn_bytewords_take(tail, strlen(tail), bytes, &len);
	bytes[20] ^= 1;
	memcpy(out, "ur:bytes/1-9/", 13);
	csn_bytewords_put((struct csn_bytes){ bytes, len }, out + 13);
	csn_ur_receiver_take(receiver, (struct csn_bytes){ (uint8_t *)out, 13 + 2 * (len + 4) }, &was);
	tap_ok(was == CSN_UR_NEW, "a forged part cannot be told from a good one");
	for (unsigned i = 1; i < 9; i++)
		csn_ur_receiver_take(receiver, text(parts[i]), &was);
	tap_ok(was == CSN_UR_BROKEN && csn_ur_receiver_message(receiver, &type).len == 0,
	       "but what it makes of the message is never given out");
	for (unsigned i = 0; i < 9; i++)
		csn_ur_receiver_take(receiver, text(parts[i]), &was);
	tap_ok(csn_ur_receiver_message(receiver, &type).len == 259, "and the next round is right");
	csn_ur_receiver_free(receiver);
}

int
main(void)
{
	words();
	draws();
	weights();
	sending();
	receiving();
	refusals();
	poison();
	return tap_done();
}
