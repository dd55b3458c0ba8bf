"""What a process may take."""


def keep(memory_bytes):
    """Refuses memory beyond what is there now and so many bytes more."""
    if memory_bytes is None:
        return
    import resource

    limit = _taken() + memory_bytes
    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    if highest != resource.RLIM_INFINITY:
        limit = min(limit, highest)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _taken():
    """Bytes that count already; none where the system does not say."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmData:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
