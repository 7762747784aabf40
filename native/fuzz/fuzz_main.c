/*
 * Runs a fuzz target without libFuzzer: every file of a corpus, then a number of inputs made from
 * them, the same ones in every run.
 *
 *   fuzz_decide CORPUS-DIRECTORY [MUTATIONS [SEED]]
 */
#include <dirent.h>

#include "check.h"
#include "fuzz.h"

#define FILES_MAX 256u
#define INPUT_BYTES_MAX 4096u

struct input {
	uint32_t bytes;
	uint8_t data[INPUT_BYTES_MAX];
};

static struct input corpus[FILES_MAX];
static uint32_t corpus_count;

static void read_corpus(const char *directory)
{
	struct dirent **names;
	int count = scandir(directory, &names, NULL, alphasort);

	CHECK(count >= 0);
	for (int i = 0; i < count; i++) {
		char path[1024];
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && corpus_count < FILES_MAX) {
			file = fopen(path, "rb");
			CHECK(file);
			corpus[corpus_count].bytes = (uint32_t)fread(corpus[corpus_count].data, 1,
								     INPUT_BYTES_MAX, file);
			fclose(file);
			corpus_count++;
		}
		free(names[i]);
	}
	free(names);
	CHECK(corpus_count);
}

/* An exact allocation, so that a sanitizer sees a read past the input. */
static void run(const struct input *input)
{
	uint8_t *copy = malloc(input->bytes ? input->bytes : 1);

	CHECK(copy);
	memcpy(copy, input->data, input->bytes);
	LLVMFuzzerTestOneInput(copy, input->bytes);
	free(copy);
}

static void cross_over(struct input *input, uint64_t *seed)
{
	const struct input *other = &corpus[check_below(seed, corpus_count)];
	uint32_t keep = check_below(seed, input->bytes + 1);
	uint32_t from = check_below(seed, other->bytes + 1);
	uint32_t bytes = other->bytes - from;

	if (bytes > INPUT_BYTES_MAX - keep)
		bytes = INPUT_BYTES_MAX - keep;
	memcpy(input->data + keep, other->data + from, bytes);
	input->bytes = keep + bytes;
}

static void mutate(struct input *input, uint64_t *seed)
{
	static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x45, 0x08, 0x81};
	uint32_t at = input->bytes ? check_below(seed, input->bytes) : 0;

	switch (check_below(seed, 6)) {
	case 0:
		if (input->bytes)
			input->data[at] ^= (uint8_t)(1u << check_below(seed, 8));
		break;
	case 1:
		if (input->bytes)
			input->data[at] = (uint8_t)check_random(seed);
		break;
	case 2:
		if (input->bytes)
			input->data[at] = telling[check_below(seed, sizeof(telling))];
		break;
	case 3:
		input->bytes = at;
		break;
	case 4:
		if (input->bytes < INPUT_BYTES_MAX) {
			memmove(input->data + at + 1, input->data + at, input->bytes - at);
			input->data[at] = (uint8_t)check_random(seed);
			input->bytes++;
		}
		break;
	default:
		cross_over(input, seed);
	}
}

int main(int argc, char **argv)
{
	uint32_t mutations = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	static struct input input;

	CHECK(argc > 1);
	read_corpus(argv[1]);
	for (uint32_t i = 0; i < corpus_count; i++)
		run(&corpus[i]);
	for (uint32_t n = 0; n < mutations; n++) {
		input = corpus[check_below(&seed, corpus_count)];
		for (uint32_t i = 1 + check_below(&seed, 5); i; i--)
			mutate(&input, &seed);
		run(&input);
	}
	printf("%u inputs and %u made from them\n", corpus_count, mutations);
	return 0;
}
