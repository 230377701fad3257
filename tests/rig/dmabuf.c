/* Stands in for /dev/udmabuf and /dev/dma_heap, which a bare virtual machine lacks: memory of memfd
 * instead of a driver's. Preloaded under libcamera's virtual camera; tests only. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

static int is_ours(const char *path)
{
	return path && (!strcmp(path, "/dev/udmabuf") || !strncmp(path, "/dev/dma_heap/", 14));
}

#define OPEN(name)                                                                       \
	int name(const char *path, int flags, ...)                                       \
	{                                                                                \
		static int (*real)(const char *, int, ...);                              \
		va_list rest;                                                            \
		mode_t mode;                                                             \
		if (!real)                                                               \
			real = dlsym(RTLD_NEXT, #name);                                  \
		va_start(rest, flags);                                                   \
		mode = va_arg(rest, mode_t);                                             \
		va_end(rest);                                                            \
		return is_ours(path) ? real("/dev/null", O_RDWR | O_CLOEXEC)             \
				     : real(path, flags, mode);                          \
	}
OPEN(open)
OPEN(open64)

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	va_list rest;
	void *argument;

	if (!real)
		real = dlsym(RTLD_NEXT, "ioctl");
	va_start(rest, request);
	argument = va_arg(rest, void *);
	va_end(rest);

	switch (request) {
	case UDMABUF_CREATE:
		return dup(((struct udmabuf_create *)argument)->memfd);
	case DMA_HEAP_IOCTL_ALLOC: {
		struct dma_heap_allocation_data *wanted = argument;
		int memory = memfd_create("dma-heap", MFD_CLOEXEC);
		if (memory < 0 || ftruncate(memory, wanted->len) < 0)
			return -1;
		wanted->fd = memory;
		return 0;
	}
	case DMA_BUF_IOCTL_SYNC:
		return 0;
	}
	if (_IOC_TYPE(request) == _IOC_TYPE(DMA_BUF_IOCTL_SYNC)) /* naming a buffer */
		return 0;
	return real(fd, request, argument);
}
