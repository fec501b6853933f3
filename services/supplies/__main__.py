from services.chassis.command import main
from services.supplies.app import build
from services.supplies.settings import Settings

main("supplies", Settings, build)
