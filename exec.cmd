@rem `npm start` is `exec node ...`, so that no shell stands between npm and signalbox and signals arrive; Windows has no exec, this is it.
@%*
