"What a notebook wants: `from petclf.all import *`."

from petclf.against import *
from petclf.answers import *
from petclf.audit import *
from petclf.bundle import *
from petclf.catalog import *
from petclf.checklist import *
from petclf.copies import *
from petclf.data import *
from petclf.errors import PetclfError
from petclf.experiment import *
from petclf.features import *
from petclf.learner import *
from petclf.levels import *
from petclf.metrics import *
from petclf.outside import *
from petclf.pixels import *
from petclf.plots import *
from petclf.predict import *
from petclf.probe import *
from petclf.recipe import *
from petclf.report import *
from petclf.run import Run, read_predictions
from petclf.sample.dataset import *
from petclf.sample.draw import *
from petclf.sample.faults import *
from petclf.split import *
from petclf.stats import *
from petclf.thresholds import *
from petclf.verdict import *
