"""CDK constructs: each takes keyword arguments and shows one attribute. They read built folders and call nobody."""
