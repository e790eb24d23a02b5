// Ten studies, small enough for calculation by hand, for the tests of metrics and reports.
#pragma once

#include <vector>

#include "eval/predictions.h"

namespace osteon {

// Study means: wrist, positive .81 .5 .3 and negative .21 .7 .41; elbow, positive .95 and negative
// .5 .15 .35.
inline std::vector<Prediction> ten_studies() {
  return {
      {"w1/image1", "w1", "p1", "XR_WRIST", 1, 0.90},
      {"w1/image2", "w1", "p1", "XR_WRIST", 1, 0.72},
      {"w2/image1", "w2", "p1", "XR_WRIST", 1, 0.50},
      {"w3/image1", "w3", "p2", "XR_WRIST", 1, 0.20},
      {"w3/image2", "w3", "p2", "XR_WRIST", 1, 0.40},
      {"w4/image1", "w4", "p2", "XR_WRIST", 0, 0.12},
      {"w4/image2", "w4", "p2", "XR_WRIST", 0, 0.30},
      {"w5/image1", "w5", "p3", "XR_WRIST", 0, 0.70},
      {"w6/image1", "w6", "p4", "XR_WRIST", 0, 0.41},
      {"e1/image1", "e1", "p5", "XR_ELBOW", 1, 0.95},
      {"e2/image1", "e2", "p6", "XR_ELBOW", 0, 0.50},
      {"e3/image1", "e3", "p7", "XR_ELBOW", 0, 0.05},
      {"e3/image2", "e3", "p7", "XR_ELBOW", 0, 0.25},
      {"e4/image1", "e4", "p8", "XR_ELBOW", 0, 0.35},
  };
}

}  // namespace osteon
