# Makes demonstration radiographs in DATA/demo and a short run on them in DATA/trained, whose weights
# stand for ImageNet's.
file(REMOVE_RECURSE ${DATA})
file(MAKE_DIRECTORY ${DATA})
execute_process(COMMAND ${MAKE_DEMO_DATA} --out ${DATA}/demo --studies 60 --image-size 128
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${TRAIN_MURA} --data ${DATA}/demo --out ${DATA}/trained --arch efficientnet_lite0
  --image-size 64 --epochs 1 --batch-size 16 --quiet COMMAND_ERROR_IS_FATAL ANY)
