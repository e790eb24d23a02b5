# The installed headers: their declarations are stable, and they include only each other. All other
# headers are private to the library (tests/scripts/includes_test.py).
set(OSTEON_CORE_HEADERS
  base/error.h base/file.h base/host_device.h base/instruction_set.h base/interrupt.h base/json.h base/option.h base/output_path.h
  base/parallel.h base/philox.h base/progress.h base/random.h base/text.h
  tensor/autograd.h tensor/creation.h tensor/device.h tensor/dtype.h tensor/half.h tensor/safetensors.h tensor/shape.h
  tensor/storage.h tensor/tensor.h
  comm/process_group.h comm/shared_memory.h
  ops/backend.h ops/functors.h ops/functors/activations.h ops/functors/arithmetic.h ops/functors/comparisons.h
  ops/functors/functions.h ops/functors/functor.h ops/functors/math.h ops/ops.h ops/rounded_filters.h ops/schema.h ops/optimizer.h
  nn/activation.h nn/checkpoint.h nn/conv_batch_norm.h nn/conv_norm_activation.h nn/convnext.h nn/densenet.h nn/describe.h nn/efficientnet.h
  nn/flops.h nn/init.h nn/inverted_residual.h nn/layer_names.h nn/layers.h nn/mobilenet.h nn/models.h nn/module.h nn/module_group.h nn/name_match.h
  nn/resnet.h nn/resnet_v2.h nn/squeeze_excitation.h nn/state_dict.h nn/transformer_block.h nn/vision_transformer.h
  optim/adam.h optim/lr_scheduler.h optim/make_optimizer.h optim/optimizer.h optim/sgd.h optim/weight_average.h)
set(OSTEON_HEADERS
  interop/tensorboard.h interop/torch_pickle.h
  data/audit.h data/audit_results.h data/augment.h data/cache.h data/data_sets.h data/folds.h data/image/image.h data/image_names.h data/loader.h
  data/manifest.h data/prepare.h data/shards.h data/split.h
  eval/binary_task.h eval/bootstrap.h eval/calibration.h eval/class_metrics.h eval/class_predictions.h eval/comparison.h eval/evaluation.h eval/grad_cam.h
  eval/class_task.h eval/evaluated_groups.h eval/initial_weights.h eval/label_metrics.h eval/multilabel_task.h
  eval/number_metrics.h eval/regression_task.h eval/study_groups.h
  eval/inference.h eval/list_images.h eval/machine.h eval/metrics.h eval/model_file.h eval/predict_files.h eval/run_pointers.h
  eval/pool_folds.h eval/predictions.h eval/report/report.h eval/report/robustness.h eval/results.h eval/task.h
  train/batch_changes.h train/callback.h train/device_images.h train/early_stopping.h train/options.h train/run/checkpoint.h train/run/lock.h train/run/log.h train/run/run.h train/run/state.h train/shard_sums.h
  train/trainer.h train/training_data.h train/training_step.h)
