/*
 * memory.c
 *		palloc for plain programs that run the pure core many times.
 *
 * The core leaves its memory to the caller's context.  Here that context is
 * one list of chunks, which memory_reset() frees.  Sizes are bounded as in a
 * backend.
 */
#include "postgres_fe.h"

#include "memory.h"

#define MAX_ALLOC_SIZE ((Size) 0x3fffffff)

typedef struct Chunk
{
	struct Chunk *prev;
	struct Chunk *next;
} Chunk;

static Chunk chunks = {&chunks, &chunks};

static void *
link_chunk(Chunk *chunk)
{
	if (chunk == NULL)
		abort();
	chunk->prev = &chunks;
	chunk->next = chunks.next;
	chunks.next->prev = chunk;
	chunks.next = chunk;
	return chunk + 1;
}

static Chunk *
unlink_chunk(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->prev->next = chunk->next;
	chunk->next->prev = chunk->prev;
	return chunk;
}

void *
palloc(Size size)
{
	if (size > MAX_ALLOC_SIZE)
		abort();
	return link_chunk(malloc(sizeof(Chunk) + size));
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void *
repalloc(void *pointer, Size size)
{
	if (size > MAX_ALLOC_SIZE)
		abort();
	return link_chunk(realloc(unlink_chunk(pointer), sizeof(Chunk) + size));
}

void
pfree(void *pointer)
{
	free(unlink_chunk(pointer));
}

void
memory_reset(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
}
