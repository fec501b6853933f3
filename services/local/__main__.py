import sys

from services.local.runner import main

sys.exit(main(sys.argv[1:]))
