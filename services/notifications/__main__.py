from services.chassis.command import main
from services.notifications.app import build
from services.notifications.settings import Settings

if __name__ == "__main__":
    main("notifications", Settings, build)
