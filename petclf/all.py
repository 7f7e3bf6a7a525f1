"What a notebook wants: `from petclf.all import *`."

from petclf.errors import PetclfError
from petclf.pixels import *
from petclf.draw import *
from petclf.catalog import *
from petclf.backbone import *
from petclf.audit import *
from petclf.split import *
from petclf.blocks import *
from petclf.recipe import *
from petclf.train import *
from petclf.evaluate import *
from petclf.compare import *
from petclf.checklist import *
from petclf.report import *
from petclf.answers import *
from petclf.bundle import *
from petclf.predict import *
from petclf.against import *
from petclf.run import Run, read_predictions
