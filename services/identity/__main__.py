from services.chassis.command import main
from services.identity.app import build
from services.identity.settings import Settings

main("identity", Settings, build)
